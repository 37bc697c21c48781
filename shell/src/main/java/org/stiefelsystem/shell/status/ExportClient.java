package org.stiefelsystem.shell.status;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.web.service.annotation.GetExchange;

/** The admin API of the block export. */
interface ExportClient {

    @GetExchange("/exports")
    List<Export> exports();

    /**
     * One export as the service tells it.
     *
     * @param holder the link address of the guest that writes to it, or null
     */
    record Export(
            String name,
            String path,
            long size,
            boolean readOnly,
            int connections,
            @Nullable String holder,
            long bytesRead,
            long bytesWritten,
            String state) {}
}
