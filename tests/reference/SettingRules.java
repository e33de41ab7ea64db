import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;

/** Prints every setting of Kafka's producer or consumer, with its type and the class and text of its validator. */
class SettingRules {
    public static void main(String[] client) {
        ConfigDef settings = client[0].equals("producer") ? ProducerConfig.configDef() : ConsumerConfig.configDef();
        for (ConfigDef.ConfigKey key : settings.configKeys().values()) {
            String validator = key.validator == null ? "" : key.validator.getClass().getSimpleName() + " " + key.validator;
            System.out.println(key.name + "\t" + key.type + "\t" + validator);
        }
    }
}
