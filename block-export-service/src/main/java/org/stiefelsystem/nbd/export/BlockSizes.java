package org.stiefelsystem.nbd.export;

/**
 * Powers of two that requests should be multiples of (proto.md, "Size constraints").
 *
 * @param minimum what can be addressed; requests that keep less to it are done all the same
 * @param preferred what is done without reading before
 */
public record BlockSizes(int minimum, int preferred) {

    /** For what has bytes. */
    static final BlockSizes DEFAULTS = new BlockSizes(1, 4096);

    /** The protocol's limit of a minimum, and enough for a preference: a stripe set may name megabytes. */
    private static final int MAXIMUM = 1 << 16;

    public BlockSizes {
        if (!isPowerOfTwo(minimum) || minimum > MAXIMUM) {
            throw new IllegalArgumentException("minimum is %d, and must be a power of two".formatted(minimum));
        }
        if (!isPowerOfTwo(preferred) || preferred < Math.max(minimum, 512)) {
            throw new IllegalArgumentException("preferred is %d, and must be a power of two".formatted(preferred));
        }
    }

    /** Of what a device says of itself; some say nonsense, such as 33,553,920 bytes. */
    static BlockSizes ofDevice(int logical, int physical, int optimal) {
        int minimum = isPowerOfTwo(logical) && logical <= MAXIMUM ? logical : 512;
        int preferred = Math.max(DEFAULTS.preferred, minimum);
        for (int candidate : new int[] {physical, optimal}) {
            if (isPowerOfTwo(candidate) && candidate > preferred && candidate <= MAXIMUM) {
                preferred = candidate;
            }
        }
        return new BlockSizes(minimum, preferred);
    }

    /**
     * Of a part of what has these. A client counts blocks from the part's first byte, and all of them lie in it: where the
     * smallest one divides not both its offset and its size, a smaller one that does takes its place.
     */
    BlockSizes ofPart(long offset, long size) {
        return new BlockSizes((int) Math.min(minimum, Long.lowestOneBit(offset | size)), preferred);
    }

    private static boolean isPowerOfTwo(int number) {
        return number > 0 && Integer.bitCount(number) == 1;
    }
}
