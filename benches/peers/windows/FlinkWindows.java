import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.functions.source.legacy.SourceFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * The same windows by Flink's DataStream interface: one task slot, heap state, no checkpoints,
 * objects reused. Ticks are in memory before; a job over the first tenth of them warms the virtual
 * machine up and does not count.
 *
 * <p>Flink's event times are milliseconds: ticks keep their nanoseconds, windows and watermarks
 * are in milliseconds. Arguments: ticks.bin, size in ms, delay in ms.
 */
public final class FlinkWindows {
    private static final int ROW_BYTES = 32;
    private static long[] times;
    private static long[] prices;
    private static int[] symbols;
    private static int[] sizes;
    private static byte[] sides;
    private static int limit;
    private static long bars;
    private static long trades;
    private static long volume;

    private FlinkWindows() {}

    /** One trade. */
    public static final class Tick {
        public long ts;
        public long seq;
        public long price;
        public int sym;
        public int size;
        public byte side;

        public Tick() {}
    }

    /** What is kept of one instrument in one window, and the bar that comes of it. */
    public static final class Bar {
        public int sym;
        public long start;
        public long count;
        public long firstTime;
        public long firstSeq;
        public long lastTime;
        public long lastSeq;
        public long open;
        public long high;
        public long low;
        public long close;
        public long volume;
        public long bought;
        public long sold;
        public long notionalLow;
        public long notionalHigh;

        public Bar() {}
    }

    /** Hands out the ticks that are in memory. */
    public static final class Memory implements SourceFunction<Tick> {
        private volatile boolean isRunning = true;

        @Override
        public void run(SourceContext<Tick> context) {
            Tick tick = new Tick();
            for (int at = 0; at < limit && isRunning; at++) {
                tick.ts = times[at];
                tick.seq = at;
                tick.price = prices[at];
                tick.sym = symbols[at];
                tick.size = sizes[at];
                tick.side = sides[at];
                context.collect(tick);
            }
        }

        @Override
        public void cancel() {
            isRunning = false;
        }
    }

    /** Adds a tick to a bar. */
    public static final class Add implements AggregateFunction<Tick, Bar, Bar> {
        @Override
        public Bar createAccumulator() {
            return new Bar();
        }

        @Override
        public Bar add(Tick tick, Bar bar) {
            boolean isEmpty = bar.count == 0;
            if (isEmpty || tick.ts < bar.firstTime) {
                bar.firstTime = tick.ts;
                bar.firstSeq = tick.seq;
                bar.open = tick.price;
            }
            if (isEmpty || tick.ts >= bar.lastTime) {
                bar.lastTime = tick.ts;
                bar.lastSeq = tick.seq;
                bar.close = tick.price;
            }
            bar.high = isEmpty ? tick.price : Math.max(bar.high, tick.price);
            bar.low = isEmpty ? tick.price : Math.min(bar.low, tick.price);
            bar.count++;
            bar.volume += tick.size;
            bar.bought += tick.side > 0 ? tick.size : 0;
            bar.sold += tick.side < 0 ? tick.size : 0;
            long before = bar.notionalLow;
            bar.notionalLow += tick.price * tick.size;
            boolean carries = Long.compareUnsigned(bar.notionalLow, before) < 0;
            bar.notionalHigh += Math.multiplyHigh(tick.price, tick.size) + (carries ? 1 : 0);
            return bar;
        }

        @Override
        public Bar getResult(Bar bar) {
            return bar;
        }

        @Override
        public Bar merge(Bar left, Bar right) {
            throw new UnsupportedOperationException("tumbling windows do not merge");
        }
    }

    /** Names a bar and counts it. */
    public static final class Name extends ProcessWindowFunction<Bar, Bar, Integer, TimeWindow> {
        @Override
        public void process(Integer sym, Context context, Iterable<Bar> bar, Collector<Bar> out) {
            Bar only = bar.iterator().next();
            only.sym = sym;
            only.start = context.window().getStart();
            bars++;
            trades += only.count;
            volume += only.volume;
            out.collect(only);
        }
    }

    private static void load(Path path) throws Exception {
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
            int count = Math.toIntExact(file.size() / ROW_BYTES);
            times = new long[count];
            prices = new long[count];
            symbols = new int[count];
            sizes = new int[count];
            sides = new byte[count];
            ByteBuffer buffer = ByteBuffer.allocate(ROW_BYTES << 15).order(ByteOrder.LITTLE_ENDIAN);
            int at = 0;
            while (at < count) {
                buffer.clear();
                while (buffer.hasRemaining() && file.read(buffer) >= 0) {}
                buffer.flip();
                for (; buffer.remaining() >= ROW_BYTES; at++) {
                    times[at] = buffer.getLong();
                    prices[at] = buffer.getLong();
                    symbols[at] = buffer.getInt();
                    sizes[at] = buffer.getInt();
                    sides[at] = buffer.get();
                    buffer.position(buffer.position() + 7);
                }
            }
        }
    }

    @SuppressWarnings("deprecation")
    private static void run(int ticks, long sizeMs, long delayMs) throws Exception {
        limit = ticks;
        bars = 0;
        trades = 0;
        volume = 0;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1);
        env.getConfig().enableObjectReuse();
        env.addSource(new Memory(), TypeInformation.of(Tick.class))
                .assignTimestampsAndWatermarks(
                        WatermarkStrategy.<Tick>forBoundedOutOfOrderness(Duration.ofMillis(delayMs))
                                .withTimestampAssigner((tick, old) -> tick.ts / 1_000_000))
                .keyBy(tick -> tick.sym, TypeInformation.of(Integer.class))
                .window(TumblingEventTimeWindows.of(Duration.ofMillis(sizeMs)))
                .aggregate(new Add(), new Name())
                .sinkTo(new DiscardingSink<>());
        env.execute();
    }

    public static void main(String[] arguments) throws Exception {
        load(Path.of(arguments[0]));
        long sizeMs = Long.parseLong(arguments[1]);
        long delayMs = Long.parseLong(arguments[2]);
        OperatingSystemMXBean system =
                (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        run(times.length / 10, sizeMs, delayMs);
        long begin = system.getProcessCpuTime();
        run(times.length, sizeMs, delayMs);
        long spent = system.getProcessCpuTime() - begin;
        System.out.printf(
                "{\"cpu_ns\": %d, \"bars\": %d, \"trades\": %d, \"volume\": %d}%n",
                spent, bars, trades, volume);
    }
}
