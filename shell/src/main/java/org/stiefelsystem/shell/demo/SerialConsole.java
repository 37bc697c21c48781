package org.stiefelsystem.shell.demo;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * The serial console of a virtual machine. What the machine prints is kept, and each {@link #await} looks only behind what
 * the one before it has found, so that a conversation reads like a dialogue.
 */
public final class SerialConsole implements AutoCloseable {

    /** A boot prints some 100 kB; a guest that loops must not fill the memory of whoever listens. */
    private static final int LIMIT = 8 * 1024 * 1024;

    /** Colours and cursor moves of systemd and the shell, which would stand between the words that are waited for. */
    private static final Pattern CONTROL_SEQUENCES = Pattern.compile(
            "\u001b\\[[0-9;?]*[ -/]*[@-~]|\u001b\\][^\u0007\u001b]*(?:\u0007|\u001b\\\\)|\u001b[()][A-Z0-9]|\u001b[=>78]|\r");

    private final SocketChannel channel;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final StringBuilder transcript = new StringBuilder();
    private final Thread reader;
    private volatile Consumer<byte[]> listener = bytes -> {};
    private int found;
    private boolean ended;

    private SerialConsole(SocketChannel channel) {
        this.channel = channel;
        this.reader = Thread.ofPlatform().daemon().name("serial-console").unstarted(this::read);
    }

    /** Connects to the socket of a machine that waits for it before it starts; nothing of what it prints is missed. */
    public static SerialConsole connect(Path socket) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.connect(UnixDomainSocketAddress.of(socket));
        } catch (IOException e) {
            channel.close();
            throw e;
        }
        SerialConsole console = new SerialConsole(channel);
        console.reader.start();
        return console;
    }

    /** Hands over everything that the machine prints from now on, as it comes. */
    public void listen(Consumer<byte[]> to) {
        listener = to;
    }

    /** From here on {@link #await} looks only at what is printed later. */
    public void skip() {
        lock.lock();
        try {
            found = transcript.length();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits until the machine has printed {@code text} behind what was found last.
     *
     * @return what it printed before that
     * @throws ConsoleException when the deadline passes first; its message holds the last lines
     * @throws EndedException when the machine ends first
     */
    public String await(String text, Duration deadline) throws InterruptedException {
        return await(Pattern.compile(Pattern.quote(text)), deadline);
    }

    /** As {@link #await(String, Duration)} with a regular expression. */
    public String await(Pattern pattern, Duration deadline) throws InterruptedException {
        long nanos = deadline.toNanos();
        lock.lock();
        try {
            while (true) {
                var matcher = pattern.matcher(transcript).region(found, transcript.length());
                if (matcher.find()) {
                    String before = transcript.substring(found, matcher.start());
                    found = matcher.end();
                    return before;
                }
                if (ended) {
                    throw new EndedException("the machine ended before it printed '" + pattern + "'" + tail());
                }
                if (nanos <= 0) {
                    throw new ConsoleException(
                            "'" + pattern + "' did not come within " + deadline.toSeconds() + " s" + tail());
                }
                nanos = changed.awaitNanos(nanos);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Types a line. */
    public void send(String line) throws IOException {
        write((line + "\n").getBytes(StandardCharsets.UTF_8));
    }

    /** Types the keys of a person, as they are. */
    public void write(byte[] keys) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(keys);
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    /** Everything that was printed so far, without control sequences. */
    public String transcript() {
        lock.lock();
        try {
            return transcript.toString();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    private void read() {
        ByteBuffer buffer = ByteBuffer.allocate(16 * 1024);
        // A control sequence may be cut by the end of a read; what may be the start of one waits for its rest.
        StringBuilder pending = new StringBuilder();
        try {
            while (channel.read(buffer.clear()) >= 0) {
                byte[] bytes = new byte[buffer.flip().remaining()];
                buffer.get(bytes);
                listener.accept(bytes);
                pending.append(new String(bytes, StandardCharsets.ISO_8859_1));
                int escape = pending.lastIndexOf("\u001b");
                boolean cut = escape >= 0
                        && pending.length() - escape < 32
                        && !CONTROL_SEQUENCES.matcher(pending.substring(escape)).lookingAt();
                int complete = cut ? escape : pending.length();
                append(CONTROL_SEQUENCES.matcher(pending.substring(0, complete)).replaceAll(""));
                pending.delete(0, complete);
            }
        } catch (IOException e) {
            // The machine or close() ended the connection; who waits is told below.
        } finally {
            append(pending.toString());
            lock.lock();
            try {
                ended = true;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    private void append(String text) {
        lock.lock();
        try {
            transcript.append(text);
            int surplus = transcript.length() - LIMIT;
            if (surplus > 0) {
                transcript.delete(0, surplus);
                found = Math.max(0, found - surplus);
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private String tail() {
        return "; it printed last:\n" + transcript.substring(Math.max(0, transcript.length() - 4000));
    }

    /** The machine did not print what was waited for. */
    public static class ConsoleException extends RuntimeException {

        private static final long serialVersionUID = 1;

        ConsoleException(String message) {
            super(message);
        }
    }

    /** The machine has ended, and will print nothing any more. */
    public static final class EndedException extends ConsoleException {

        private static final long serialVersionUID = 1;

        EndedException(String message) {
            super(message);
        }
    }
}
