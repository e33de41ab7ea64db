import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.protocol.Errors;

/** Prints every error of Kafka's protocol: code, exception class. */
class BrokerErrors {
    public static void main(String[] arguments) {
        for (Errors error : Errors.values()) {
            ApiException exception = error.exception();
            if (exception != null) {
                System.out.println(error.code() + "\t" + exception.getClass().getName());
            }
        }
    }
}
