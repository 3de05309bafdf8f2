import com.mongodb.internal.crypt.capi.MongoCrypt;
import com.mongodb.internal.crypt.capi.MongoCryptContext;
import com.mongodb.internal.crypt.capi.MongoCryptContext.State;
import com.mongodb.internal.crypt.capi.MongoCryptOptions;
import com.mongodb.internal.crypt.capi.MongoCrypts;
import com.mongodb.internal.crypt.capi.MongoDataKeyOptions;
import com.mongodb.internal.crypt.capi.MongoExplicitEncryptOptions;
import com.mongodb.internal.crypt.capi.MongoKeyDecryptor;
import java.io.InputStream;
import java.nio.ByteBuffer;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.bson.BsonBoolean;
import org.bson.BsonDocument;
import org.bson.BsonString;

/**
 * What MongoDB's Java driver does around libmongocrypt, without a database: its messages travel over JSSE, set up by the
 * options of the Java machine.  Argument 1: host:port of the KMIP server; further arguments: TLS versions to use.
 */
public final class Client {
    private static final String ALGORITHM = "AEAD_AES_256_CBC_HMAC_SHA_512-Random";
    private static String endpoint;
    private static String tls;
    private static int messages;

    public static void main(String[] arguments) throws Exception {
        endpoint = arguments[0];
        for (int i = 1; i < arguments.length; i++) {
            tls = arguments[i];
            flow("client-side", new BsonDocument("endpoint", new BsonString(endpoint)));
            flow("delegated", new BsonDocument("endpoint", new BsonString(endpoint)).append("delegated", BsonBoolean.TRUE));
        }
    }

    private static void flow(String name, BsonDocument masterKey) throws Exception {
        BsonDocument dataKey;
        BsonDocument sealed;
        messages = 0;
        try (MongoCrypt crypt = crypt()) {
            MongoDataKeyOptions options = new MongoDataKeyOptions.Builder().masterKey(masterKey).build();
            dataKey = run(crypt.createDataKeyContext("kmip", options), null);
            sealed = run(crypt.createExplicitEncryptionContext(
                new BsonDocument("v", new BsonString("a secret value")),
                MongoExplicitEncryptOptions.builder().keyId(dataKey.getBinary("_id")).algorithm(ALGORITHM).build()), dataKey);
        }
        int made = messages;
        try (MongoCrypt crypt = crypt()) {  // has no key in its cache and must ask the server
            BsonDocument opened = run(crypt.createExplicitDecryptionContext(sealed), dataKey);
            System.out.printf("%s %s: %s, %d + %d messages%n",
                tls, name, opened.getString("v").getValue(), made, messages - made);
        }
    }

    private static MongoCrypt crypt() {
        BsonDocument providers = new BsonDocument("kmip", new BsonDocument("endpoint", new BsonString(endpoint)));
        return MongoCrypts.create(MongoCryptOptions.builder().kmsProviderOptions(providers).build());
    }

    private static BsonDocument run(MongoCryptContext context, BsonDocument dataKey) throws Exception {
        try (context) {
            while (true) {
                State state = context.getState();
                if (state == State.NEED_MONGO_KEYS) {
                    context.addMongoOperationResult(dataKey);
                    context.completeMongoOperation();
                } else if (state == State.NEED_KMS) {
                    for (MongoKeyDecryptor one = context.nextKeyDecryptor(); one != null; one = context.nextKeyDecryptor()) {
                        exchange(one);
                    }
                    context.completeKeyDecryptors();
                } else if (state == State.READY) {
                    return new BsonDocument().append("", context.finish()).getDocument("").clone();
                } else {
                    throw new IllegalStateException(state.toString());
                }
            }
        }
    }

    /** Send one message on a connection of its own and feed what is asked for, as the driver does. */
    private static void exchange(MongoKeyDecryptor request) throws Exception {
        String[] place = request.getHostName().split(":");
        SSLContext context = SSLContext.getDefault();
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(place[0], Integer.parseInt(place[1]))) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            parameters.setProtocols(new String[] {tls});
            socket.setSSLParameters(parameters);
            ByteBuffer message = request.getMessage();
            byte[] bytes = new byte[message.remaining()];
            message.get(bytes);
            socket.getOutputStream().write(bytes);
            messages++;
            InputStream answers = socket.getInputStream();
            for (int needed = request.bytesNeeded(); needed > 0; needed = request.bytesNeeded()) {
                byte[] part = answers.readNBytes(needed);
                if (part.length == 0) {
                    throw new IllegalStateException("the server has closed the connection");
                }
                request.feed(ByteBuffer.wrap(part));
            }
        }
    }
}
