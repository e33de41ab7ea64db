import java.lang.reflect.*;
import java.util.*;

import joptsimple.*;
import joptsimple.internal.AbbreviationMap;
import org.apache.kafka.common.utils.Exit;

/** Prints every option of Kafka's tools as their own classes declare them: tool, name, arity, type, label, default. */
public class ToolOptions {
    private static class Ended extends Error {}

    private static final String[][] TOOLS = {
        {"kafka-topics", "org.apache.kafka.tools.TopicCommand$TopicCommandOptions", "--bootstrap-server", "b:1", "--list"},
        {"kafka-consumer-groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommandOptions",
            "--bootstrap-server", "b:1", "--list"},
        {"kafka-configs", "kafka.admin.ConfigCommand$ConfigCommandOptions",
            "--bootstrap-server", "b:1", "--describe", "--entity-type", "topics"},
        {"kafka-console-producer", "org.apache.kafka.tools.ConsoleProducer$ConsoleProducerOptions",
            "--bootstrap-server", "b:1", "--topic", "t"},
        {"kafka-console-consumer", "org.apache.kafka.tools.consumer.ConsoleConsumerOptions",
            "--bootstrap-server", "b:1", "--topic", "t"},
        {"kafka-get-offsets", "org.apache.kafka.tools.GetOffsetShell$GetOffsetShellOptions", "--bootstrap-server", "b:1"},
        {"kafka-delete-records", "org.apache.kafka.tools.DeleteRecordsCommand$DeleteRecordsCommandOptions",
            "--bootstrap-server", "b:1", "--offset-json-file", "f"},
        {"kafka-reassign-partitions", "org.apache.kafka.tools.reassign.ReassignPartitionsCommandOptions",
            "--bootstrap-server", "b:1"},
        {"kafka-log-dirs", "org.apache.kafka.tools.LogDirsCommand$LogDirsCommandOptions",
            "--bootstrap-server", "b:1", "--describe"},
        {"kafka-leader-election", "org.apache.kafka.tools.LeaderElectionCommand$LeaderElectionCommandOptions",
            "--bootstrap-server", "b:1"},
        {"kafka-acls", "org.apache.kafka.tools.AclCommand$AclCommandOptions", "--bootstrap-server", "b:1", "--list"},
        {"kafka-broker-api-versions", "org.apache.kafka.tools.BrokerApiVersionsCommand$BrokerVersionCommandOptions",
            "--bootstrap-server", "b:1"},
        {"kafka-client-metrics", "org.apache.kafka.tools.ClientMetricsCommand$ClientMetricsCommandOptions",
            "--bootstrap-server", "b:1", "--list"},
        {"kafka-delegation-tokens", "org.apache.kafka.tools.DelegationTokenCommand$DelegationTokenCommandOptions",
            "--bootstrap-server", "b:1", "--describe"},
        {"kafka-dump-log", "org.apache.kafka.tools.DumpLogSegments$DumpLogSegmentsOptions", "--files", "f"},
    };

    public static void main(String[] none) throws Exception {
        Exit.setExitProcedure((status, message) -> { throw new Ended(); });
        for (String[] tool : TOOLS) {
            Constructor<?> made = Class.forName(tool[1]).getDeclaredConstructor(String[].class);
            made.setAccessible(true);
            Object options = made.newInstance((Object) Arrays.copyOfRange(tool, 2, tool.length));
            OptionParser parser = (OptionParser) find(options.getClass(), "parser").get(options);
            boolean allowed = find(OptionParser.class, "recognizedOptions").get(parser) instanceof AbbreviationMap;
            System.out.println(String.join("\t", tool[0], "", "abbreviations", "" + allowed, "", ""));
            for (Map.Entry<String, OptionSpec<?>> option : new TreeMap<>(parser.recognizedOptions()).entrySet()) {
                if (option.getKey().equals("[arguments]"))
                    continue;
                AbstractOptionSpec<?> spec = (AbstractOptionSpec<?>) option.getValue();
                String arity = !spec.acceptsArguments() ? "none" : spec.requiresArgument() ? "required" : "optional";
                List<String> defaults = new ArrayList<>();
                for (Object value : spec.defaultValues())
                    defaults.add("" + value);
                System.out.println(String.join("\t", tool[0], option.getKey(), arity, spec.argumentTypeIndicator(),
                    spec.argumentDescription(), String.join(",", defaults)));
            }
        }
    }

    private static Field find(Class<?> type, String name) throws Exception {
        for (Class<?> at = type; at != null; at = at.getSuperclass())
            for (Field field : at.getDeclaredFields())
                if (field.getName().equals(name)) {
                    field.setAccessible(true);
                    return field;
                }
        throw new NoSuchFieldException(name);
    }
}
