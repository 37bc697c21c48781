package org.stiefelsystem.nbd.export;

import java.util.ArrayList;
import java.util.List;

/** Consecutive extents, of which neighbours differ; a bounded number, behind which nothing is taken any more. */
final class Extents {

    private final int limit;
    private final List<Extent> extents = new ArrayList<>();
    private boolean full;

    Extents(int limit) {
        this.limit = limit;
    }

    /** Goes on with so many bytes; none is nothing. */
    void add(long length, boolean hole) {
        if (length == 0 || full) {
            return;
        }
        if (!extents.isEmpty() && extents.getLast().hole() == hole) {
            extents.set(extents.size() - 1, new Extent(extents.getLast().length() + length, hole));
        } else if (extents.size() == limit) {
            full = true;
        } else {
            extents.add(new Extent(length, hole));
        }
    }

    /** Whether something found no place: the list ends before it. */
    boolean full() {
        return full;
    }

    List<Extent> list() {
        return List.copyOf(extents);
    }
}
