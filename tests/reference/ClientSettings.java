import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;

/** Prints the name of every setting of Kafka's clients. */
class ClientSettings {
    public static void main(String[] arguments) {
        ConsumerConfig.configNames().forEach(System.out::println);
        ProducerConfig.configNames().forEach(System.out::println);
        AdminClientConfig.configNames().forEach(System.out::println);
    }
}
