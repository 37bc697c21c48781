package org.stiefelsystem.nbd.export;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** Properties of how extents are merged. */
class ExtentsTests {

    @Provide
    Arbitrary<List<Extent>> found() {
        Arbitrary<Long> lengths = Arbitraries.longs().between(0, 8);
        return Combinators.combine(lengths, Arbitraries.of(true, false))
                .as(Extent::new)
                .list()
                .ofMaxSize(200);
    }

    private static Extents added(List<Extent> found, int limit) {
        Extents extents = new Extents(limit);
        found.forEach(extent -> extents.add(extent.length(), extent.hole()));
        return extents;
    }

    /** The state of every single byte. */
    private static List<Boolean> bytes(List<Extent> extents) {
        return extents.stream()
                .flatMap(extent -> Stream.generate(extent::hole).limit(extent.length()))
                .toList();
    }

    @Property
    void noByteIsLostOrChanged(@ForAll("found") List<Extent> found) {
        Extents extents = added(found, Integer.MAX_VALUE);
        assertThat(bytes(extents.list())).isEqualTo(bytes(found));
        assertThat(extents.full()).isFalse();
    }

    @Property
    void neighboursDifferAndNoneIsEmpty(@ForAll("found") List<Extent> found) {
        List<Extent> list = added(found, Integer.MAX_VALUE).list();
        for (int i = 0; i < list.size(); i++) {
            assertThat(list.get(i).length()).isPositive();
            assertThat(i > 0 && list.get(i - 1).hole() == list.get(i).hole()).isFalse();
        }
    }

    /** As if the unlimited list were cut: so one extent of one is the whole first one. */
    @Property
    void aLimitCutsTheEndOff(@ForAll("found") List<Extent> found, @ForAll @IntRange(min = 1, max = 20) int limit) {
        List<Extent> all = added(found, Integer.MAX_VALUE).list();
        Extents limited = added(found, limit);
        assertThat(limited.list()).isEqualTo(all.subList(0, Math.min(limit, all.size())));
        assertThat(limited.full()).isEqualTo(all.size() > limit);
    }
}
