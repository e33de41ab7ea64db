import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;

import org.apache.kafka.tools.DumpLogSegments;

/** Runs Kafka's dump tool on every folder's one file, in one JVM: its stdout goes to `expected` beside the file. */
public class DumpEach {
    public static void main(String[] arguments) throws Exception {
        List<Path> folders = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(Path.of(arguments[0]))) {
            found.forEach(folders::add);
        }
        PrintStream silent = new PrintStream(OutputStream.nullOutputStream());
        for (Path folder : folders) {
            List<String> options = new ArrayList<>(Files.readAllLines(folder.resolve("options")));
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            System.setOut(new PrintStream(text, false, StandardCharsets.UTF_8));
            System.setErr(silent);
            int status = 0;
            try {
                DumpLogSegments.main(options.toArray(new String[0]));
            } catch (Throwable thrown) {
                status = 1;
            }
            System.out.flush();
            Files.write(folder.resolve("expected"), text.toByteArray());
            Files.writeString(folder.resolve("status"), Integer.toString(status));
        }
        System.exit(0);
    }
}
