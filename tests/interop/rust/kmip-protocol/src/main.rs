//! What Krill and the DNSSEC signers do with kmip-protocol: RSA pairs made, read, renamed, used and retired.

#[cfg(not(feature = "tokio-native-tls"))]
mod settings;
#[cfg(feature = "tokio-native-tls")]
#[path = "settings_pkcs12.rs"] // which it wants
mod settings;

use kmip_protocol::client::{Client, Result};
use kmip_protocol::types::common::KeyMaterial;
use kmip_protocol::types::response::ManagedObject;
use kmip_protocol::types::traits::ReadWrite;

#[cfg(any(feature = "openssl", feature = "rustls"))]
fn main() {
    #[cfg(feature = "openssl")]
    use kmip_protocol::client::tls::openssl::connect;
    #[cfg(feature = "rustls")]
    use kmip_protocol::client::tls::rustls::connect;
    let client = connect(&settings::settings().unwrap()).unwrap();
    calls(client).unwrap();
}

#[cfg(any(feature = "tokio-native-tls", feature = "tokio-rustls"))]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    #[cfg(feature = "tokio-native-tls")]
    use kmip_protocol::client::tls::tokio_native_tls::connect;
    #[cfg(feature = "tokio-rustls")]
    use kmip_protocol::client::tls::tokio_rustls::connect;
    let client = connect(&settings::settings().unwrap()).await.unwrap();
    calls(client).await.unwrap();
}

#[cfg(feature = "async-tls")]
#[async_std::main]
async fn main() {
    use kmip_protocol::client::tls::async_tls::connect;
    let client = connect(&settings::settings().unwrap()).await.unwrap();
    calls(client).await.unwrap();
}

#[maybe_async::maybe_async]
async fn calls<T: ReadWrite>(client: Client<T>) -> Result<()> {
    let told = client.query().await?;
    println!("query: {} operations", told.operations.map_or(0, |list| list.len()));
    let (private, public) = client.create_rsa_key_pair(2048, "private".into(), "public".into()).await?;
    client.rename_key(&private, "renamed private".into()).await?;
    client.rename_key(&public, "renamed public".into()).await?;
    let found = client.get_key(&public).await?;
    let ManagedObject::PublicKey(key) = found.cryptographic_object else { panic!("no public key") };
    let KeyMaterial::Bytes(bytes) = key.key_block.key_value.key_material else { panic!("no bytes") };
    println!("public key: {} bytes", bytes.len());
    client.activate_key(&private).await?;
    let signed = client.sign(&private, b"a manifest").await?;
    println!("signature: {} bytes", signed.signature_data.len());
    let random = client.rng_retrieve(32).await?;
    println!("random: {} bytes", random.data.len());
    client.revoke_key(&private).await?;
    client.destroy_key(&private).await?;
    client.destroy_key(&public).await?;
    let refused = client.get_key(&private).await.unwrap_err();
    println!("gone: {refused}");
    Ok(())
}
