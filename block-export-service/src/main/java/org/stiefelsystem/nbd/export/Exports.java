package org.stiefelsystem.nbd.export;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** All exports of a server, by name. */
public final class Exports implements Closeable {

    private final Leases leases;

    /** Held while an export comes, which may take as long as its disk, when the others are asked for all the same. */
    private final Object adding = new Object();

    private final Map<String, Export> byName = new LinkedHashMap<>();

    public Exports(Leases leases) {
        this.leases = leases;
    }

    public Leases leases() {
        return leases;
    }

    /** Takes it, and closes it in the end; at once when it may not be served. */
    public void add(Export export) throws IOException {
        synchronized (adding) {
            boolean added = false;
            try {
                if (named(export.name()).isPresent()) {
                    throw new RefusedException(
                            "Two exports are named %s.".formatted(export.name()),
                            "Give each export a name of its own.");
                }
                leases.attach(export);
                put(export);
                added = true;
            } finally {
                if (!added) {
                    export.close();
                }
            }
        }
    }

    private synchronized void put(Export export) {
        byName.put(export.name(), export);
    }

    /** It is served no more, and whoever removed it closes it; false when it was not there. */
    public synchronized boolean remove(Export export) {
        return byName.remove(export.name(), export);
    }

    public synchronized Collection<Export> all() {
        return List.copyOf(byName.values());
    }

    public synchronized Optional<Export> named(String name) {
        return Optional.ofNullable(byName.get(name));
    }

    /** The answer to a peer that asks for an export. */
    public sealed interface Answer {
        record Found(Export export, @Nullable String bootId) implements Answer {}

        record Unknown(String words) implements Answer {}

        record Refused(String words) implements Answer {}

        record NotNow(String words) implements Answer {}
    }

    /** Finds what a peer asks for; the empty name is the only export, when there is only one. */
    public Answer ask(String asked, PeerAddress peer) {
        ExportName wanted = ExportName.parse(asked);
        Export export = find(wanted);
        if (export == null) {
            return new Answer.Unknown("no export is named \"%s\"".formatted(Printable.of(asked, 64)));
        }
        return leases.refusal(export, peer, wanted.bootId())
                .<Answer>map(Answer.Refused::new)
                .or(() -> leases.notNow(export, wanted.bootId()).map(Answer.NotNow::new))
                .orElseGet(() -> new Answer.Found(export, wanted.bootId()));
    }

    private synchronized @Nullable Export find(ExportName wanted) {
        if (wanted.name().isEmpty() && byName.size() == 1) {
            return byName.values().iterator().next();
        }
        return byName.get(wanted.name());
    }

    @Override
    public void close() {
        List<Export> closing;
        synchronized (this) {
            closing = new ArrayList<>(byName.values());
            byName.clear();
        }
        closing.forEach(Export::close);
    }
}
