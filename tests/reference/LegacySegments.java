import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;

/** Writes a segment of each old format, by Kafka's own builder: DIRECTORY/MAGIC-CODEC-TIMESTAMPS/0...0.log. */
public class LegacySegments {
    private static final CompressionType[] CODECS = {
        CompressionType.NONE, CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4
    };

    public static void main(String[] arguments) throws Exception {
        for (CompressionType codec : CODECS) {
            write(arguments[0], (byte) 0, codec, TimestampType.NO_TIMESTAMP_TYPE);
            write(arguments[0], (byte) 1, codec, TimestampType.CREATE_TIME);
            write(arguments[0], (byte) 1, codec, TimestampType.LOG_APPEND_TIME);
        }
    }

    private static void write(String directory, byte magic, CompressionType codec, TimestampType times) throws Exception {
        Path folder = Files.createDirectories(Path.of(directory, magic + "-" + codec.name + "-" + times.name));
        Path file = folder.resolve("00000000000000000000.log");
        long offset = 0;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (int batch = 0; batch < 3; batch++) {
                long time = 1_700_000_000_000L + 1000 * batch;
                MemoryRecordsBuilder builder = MemoryRecords.builder(
                    ByteBuffer.allocate(1 << 16), magic, Compression.of(codec).build(), times, offset, time);
                for (int number = 0; number < 5; number++, offset++) {
                    builder.append(time + number, number == 1 ? null : bytes("key " + number),
                        number == 2 ? null : number == 3 ? bytes("") : bytes("value " + offset + " 값"));
                }
                channel.write(builder.build().buffer());
            }
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
