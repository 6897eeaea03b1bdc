import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** The job of benchmarks/rivals.py in Flink, in one process; the heap keeps the state. */
public final class Job {
    private static final AtomicLong TAKEN = new AtomicLong();
    private static volatile long began;

    /** bootstrap, topic, readings, threads. */
    public static void main(String[] words) throws Exception {
        long readings = Long.parseLong(words[2]);
        StreamExecutionEnvironment flow = StreamExecutionEnvironment.getExecutionEnvironment();
        flow.setParallelism(Integer.parseInt(words[3]));
        flow.enableCheckpointing(1000);
        flow.getConfig().enableObjectReuse();
        KafkaSource<String> source = KafkaSource.<String>builder()
                .setBootstrapServers(words[0]).setTopics(words[1])
                .setGroupId("flink-" + System.nanoTime())
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setValueOnlyDeserializer(new SimpleStringSchema()).build();
        KafkaSink<String> sink = KafkaSink.<String>builder()
                .setBootstrapServers(words[0])
                .setRecordSerializer(KafkaRecordSerializationSchema.builder()
                        .setTopic(words[1] + "-alarms")
                        .setValueSerializationSchema(new SimpleStringSchema()).build())
                .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE).build();
        JsonFactory json = new JsonFactory();
        flow.fromSource(source, WatermarkStrategy.noWatermarks(), "telemetry")
                .map(text -> parsed(json, text)).returns(Types.TUPLE(Types.STRING, Types.DOUBLE))
                .keyBy(reading -> reading.f0)
                .process(new Rules(readings)).sinkTo(sink);
        flow.execute();
    }

    private static Tuple2<String, Double> parsed(JsonFactory json, String text) throws IOException {
        String channel = null;
        double value = Double.NaN;
        try (JsonParser parser = json.createParser(text.getBytes(StandardCharsets.UTF_8))) {
            while (parser.nextToken() != null) {
                if (parser.currentToken() != JsonToken.FIELD_NAME) continue;
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals("channel")) channel = parser.getText();
                else if (name.equals("value")) value = parser.getDoubleValue();
            }
        }
        return Tuple2.of(channel, value);
    }

    /** State of a channel: mean, variance, readings learned, whether it rings. */
    private static final class Rules
            extends KeyedProcessFunction<String, Tuple2<String, Double>, String> {
        private final long readings;
        private transient ValueState<double[]> kept;

        Rules(long readings) {
            this.readings = readings;
        }

        @Override
        public void open(OpenContext context) {
            kept = getRuntimeContext().getState(
                    new ValueStateDescriptor<>("channel", double[].class));
        }

        @Override
        public void processElement(
                Tuple2<String, Double> reading, Context context, Collector<String> out)
                throws Exception {
            double[] state = kept.value();
            if (state == null) state = new double[4];
            double value = reading.f1, off = value - state[0];
            double z = state[2] < 50 ? 0.0 : off / Math.max(Math.sqrt(state[1]), 0.05);
            double now = value < 2.0 || value > 8.0 || Math.abs(z) > 5.0 ? 1 : 0;
            if (state[2] == 0) state[0] = value;
            else if (now == 0) {
                state[0] += 0.05 * off;
                state[1] = 0.95 * (state[1] + 0.05 * off * off);
            }
            state[2]++;
            boolean changed = now != state[3];
            state[3] = now;
            kept.update(state);
            if (changed) out.collect(reading.f0 + " " + value);
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
