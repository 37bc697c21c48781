package org.stiefelsystem.nbd.linux;

/** The numbers of errors that this server tells apart (errno(3), x86-64). */
public final class Errno {

    public static final int EPERM = 1;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int ENXIO = 6;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EACCES = 13;
    public static final int EBUSY = 16;
    public static final int EINVAL = 22;
    public static final int EMFILE = 24;
    public static final int ENFILE = 23;
    public static final int EFBIG = 27;
    public static final int ENOSPC = 28;
    public static final int EROFS = 30;
    public static final int EPIPE = 32;
    public static final int EOPNOTSUPP = 95;
    public static final int EADDRINUSE = 98;
    public static final int EADDRNOTAVAIL = 99;
    public static final int ENETDOWN = 100;
    public static final int ENETUNREACH = 101;
    public static final int ECONNABORTED = 103;
    public static final int ECONNRESET = 104;
    public static final int ENOBUFS = 105;
    public static final int ENOTCONN = 107;
    public static final int ETIMEDOUT = 110;
    public static final int EHOSTUNREACH = 113;
    public static final int EDQUOT = 122;
    public static final int EMEDIUMTYPE = 124;
    public static final int ENOMEDIUM = 123;

    private Errno() {}

    static String text(int errno) {
        return switch (errno) {
            case EPERM -> "EPERM, operation not permitted";
            case 2 -> "ENOENT, no such file or directory";
            case EIO -> "EIO, input/output error";
            case EAGAIN -> "EAGAIN, not now";
            case ENOMEM -> "ENOMEM, out of memory";
            case EACCES -> "EACCES, permission denied";
            case EBUSY -> "EBUSY, device or resource busy";
            case EINVAL -> "EINVAL, invalid argument";
            case ENFILE, EMFILE -> "EMFILE, too many open files";
            case EFBIG -> "EFBIG, file too large";
            case ENOSPC -> "ENOSPC, no space left on device";
            case EROFS -> "EROFS, read-only file system";
            case EPIPE -> "EPIPE, the peer has closed";
            case EOPNOTSUPP -> "EOPNOTSUPP, operation not supported";
            case EADDRINUSE -> "EADDRINUSE, address already in use";
            case EADDRNOTAVAIL -> "EADDRNOTAVAIL, no interface has this address";
            case ECONNRESET -> "ECONNRESET, connection reset by peer";
            case ETIMEDOUT -> "ETIMEDOUT, connection timed out";
            case EDQUOT -> "EDQUOT, quota exceeded";
            case ENOMEDIUM -> "ENOMEDIUM, no medium in the drive";
            default -> "errno " + errno;
        };
    }
}
