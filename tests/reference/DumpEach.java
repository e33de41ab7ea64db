import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;

import org.apache.kafka.tools.DumpLogSegments;

/** Runs Kafka's dump tool once for every folder's file `options`, in one JVM, and puts what it says beside it. */
public class DumpEach {
    public static void main(String[] arguments) throws Exception {
        List<Path> folders = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(Path.of(arguments[0]))) {
            found.forEach(folders::add);
        }
        for (Path folder : folders) {
            String[] options = Files.readAllLines(folder.resolve("options")).toArray(new String[0]);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            ByteArrayOutputStream err = new ByteArrayOutputStream();
            System.setOut(new PrintStream(out, false, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(err, false, StandardCharsets.UTF_8));
            int status = 0;
            try {
                DumpLogSegments.main(options);
            } catch (Throwable thrown) {
                status = 1;
            }
            System.out.flush();
            System.err.flush();
            Files.write(folder.resolve("out"), out.toByteArray());
            Files.write(folder.resolve("err"), err.toByteArray());
            Files.writeString(folder.resolve("status"), Integer.toString(status));
        }
        System.exit(0);
    }
}
