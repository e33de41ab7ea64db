import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;

import org.apache.kafka.common.utils.Exit;

/**
 * Runs Kafka's tools one after another in one JVM, whose start takes longer than most of them.
 *
 * A call is a line of words in base64: the class, what it reads on stdin, its arguments. An answer is a line, too: its
 * status, and in base64 its stdout and its stderr.
 */
public class KafkaTools {
    private static class Ended extends Error {}

    private static final PrintStream ANSWERS = System.out;
    private static ByteArrayOutputStream out, err;
    private static String answer;
    private static final List<Runnable> hooks = new ArrayList<>();

    public static void main(String[] none) throws Exception {
        Exit.Procedure end = (status, message) -> {
            answer(status);
            throw new Ended();
        };
        Exit.setExitProcedure(end);
        Exit.setHaltProcedure(end);
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        Runtime.getRuntime().addShutdownHook(new Thread(KafkaTools::waitForever));
        BufferedReader calls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = calls.readLine(); line != null; line = calls.readLine()) {
            ANSWERS.println(run(line.split(" ", -1)));
            ANSWERS.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    /** System.exit waits for this hook, so that the JVM lives on after a tool that calls it. */
    private static void waitForever() {
        while (true)
            try {
                Thread.sleep(Long.MAX_VALUE);
            } catch (InterruptedException ignored) {
            }
    }

    /** Whether a tool has called System.exit itself. argparse4j does it, and always with 1. */
    private static boolean hasExited(Thread tool) {
        return Arrays.stream(tool.getStackTrace()).anyMatch(
            frame -> frame.getClassName().equals("java.lang.Runtime") && frame.getMethodName().equals("exit"));
    }

    private static String run(String[] words) throws InterruptedException {
        answer = null;
        out = new ByteArrayOutputStream();
        err = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, false, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, false, StandardCharsets.UTF_8));
        System.setIn(new ByteArrayInputStream(bytes(words[1])));
        String[] arguments = new String[words.length - 2];
        for (int at = 0; at < arguments.length; at++)
            arguments[at] = new String(bytes(words[at + 2]), StandardCharsets.UTF_8);
        Thread tool = new Thread(() -> runMain(words, arguments), "main");
        tool.setDaemon(true);
        tool.start();
        for (tool.join(10); tool.isAlive(); tool.join(10))
            if (hasExited(tool)) {
                answer(1);
                break;
            }
        return answer;
    }

    private static void runMain(String[] words, String[] arguments) {
        try {
            Class<?> tool = Class.forName(new String(bytes(words[0]), StandardCharsets.UTF_8));
            tool.getMethod("main", String[].class).invoke(null, (Object) arguments);
            answer(0);
        } catch (java.lang.reflect.InvocationTargetException thrown) {
            if (answer == null) {  // what the JVM does with an exception that leaves main
                System.err.print("Exception in thread \"main\" ");
                thrown.getCause().printStackTrace();
            }
            answer(1);
        } catch (Throwable thrown) {
            answer(1);
        }
    }

    /** Only the first counts: in a real run nothing comes after it. */
    private static void answer(int status) {
        List<Runnable> last = new ArrayList<>(hooks);
        hooks.clear();
        if (answer == null)
            last.forEach(Runnable::run);  // what the JVM does at its end
        System.out.flush();
        System.err.flush();
        if (answer == null)
            answer = status + " " + text(out) + " " + text(err);
    }

    private static byte[] bytes(String word) {
        return Base64.getDecoder().decode(word);
    }

    private static String text(ByteArrayOutputStream said) {
        return Base64.getEncoder().encodeToString(said.toByteArray());
    }
}
