import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** The job of benchmarks/rivals.py in Kafka Streams: limits and an EWMA band for each channel. */
public final class Job {
    private static final AtomicLong TAKEN = new AtomicLong();
    private static volatile long began;

    /** bootstrap, topic, readings, store (memory or rocksdb), changelog (yes or no), guarantee, threads, folder. */
    public static void main(String[] words) {
        long readings = Long.parseLong(words[2]);
        Properties settings = new Properties();
        settings.put("application.id", "streams-" + System.nanoTime());
        settings.put("bootstrap.servers", words[0]);
        settings.put("auto.offset.reset", "earliest");
        settings.put("processing.guarantee", words[5]);
        settings.put("commit.interval.ms", "1000");
        settings.put("num.stream.threads", words[6]);
        settings.put("state.dir", words[7]);
        settings.put("default.key.serde", Serdes.ByteArraySerde.class);
        settings.put("default.value.serde", Serdes.ByteArraySerde.class);
        KeyValueBytesStoreSupplier kind = words[3].equals("memory")
                ? Stores.inMemoryKeyValueStore("channels") : Stores.persistentKeyValueStore("channels");
        StoreBuilder<KeyValueStore<String, byte[]>> store =
                Stores.keyValueStoreBuilder(kind, Serdes.String(), Serdes.ByteArray());
        store = words[4].equals("yes") ? store.withCachingEnabled() : store.withLoggingDisabled();
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(store);
        builder.<byte[], byte[]>stream(words[1])
                .process(() -> new Rules(readings), "channels").to(words[1] + "-alarms");
        new KafkaStreams(builder.build(), settings).start();
    }

    /** State of a channel: mean, variance, readings learned, whether it rings. */
    private static final class Rules implements Processor<byte[], byte[], byte[], byte[]> {
        private final JsonFactory json = new JsonFactory();
        private final long readings;
        private KeyValueStore<String, byte[]> channels;
        private ProcessorContext<byte[], byte[]> context;

        Rules(long readings) {
            this.readings = readings;
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            channels = context.getStateStore("channels");
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            String channel = null;
            double value = Double.NaN;
            try (JsonParser parser = json.createParser(record.value())) {
                while (parser.nextToken() != null) {
                    if (parser.currentToken() != JsonToken.FIELD_NAME) continue;
                    String name = parser.currentName();
                    parser.nextToken();
                    if (name.equals("channel")) channel = parser.getText();
                    else if (name.equals("value")) value = parser.getDoubleValue();
                }
            } catch (IOException error) {
                throw new IllegalStateException(error);
            }
            byte[] kept = channels.get(channel);
            ByteBuffer state = kept == null ? ByteBuffer.allocate(32) : ByteBuffer.wrap(kept);
            double mean = state.getDouble(0), variance = state.getDouble(8);
            long learned = state.getLong(16), rings = state.getLong(24);
            double off = value - mean;
            double z = learned < 50 ? 0.0 : off / Math.max(Math.sqrt(variance), 0.05);
            long now = value < 2.0 || value > 8.0 || Math.abs(z) > 5.0 ? 1 : 0;
            if (learned == 0) mean = value;
            else if (now == 0) {
                mean += 0.05 * off;
                variance = 0.95 * (variance + 0.05 * off * off);
            }
            state.putDouble(0, mean).putDouble(8, variance).putLong(16, learned + 1).putLong(24, now);
            channels.put(channel, state.array());
            if (now != rings) context.forward(record);
            count();
        }

        private void count() {
            long taken = TAKEN.incrementAndGet();
            if (taken == readings / 5) began = System.nanoTime();
            if (taken != readings) return;
            double seconds = (System.nanoTime() - began) / 1e9;
            System.out.println((readings - readings / 5) / seconds);
            System.out.flush();
            Runtime.getRuntime().halt(0);
        }
    }
}
