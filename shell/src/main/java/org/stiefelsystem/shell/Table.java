package org.stiefelsystem.shell;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Rows whose columns line up; the last one runs free. */
public final class Table {

    private final List<List<String>> rows = new ArrayList<>();

    public Table row(String... cells) {
        rows.add(List.of(cells));
        return this;
    }

    public void print(PrintWriter output) {
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < row.size(); column++) {
                String cell = row.get(column);
                line.append(cell);
                if (column < row.size() - 1) {
                    line.append(" ".repeat(width(column) - cell.length() + 2));
                }
            }
            output.println(line.toString().stripTrailing());
        }
        output.flush();
    }

    private int width(int column) {
        return rows.stream()
                .filter(row -> row.size() > column + 1)
                .mapToInt(row -> row.get(column).length())
                .max()
                .orElse(0);
    }
}
