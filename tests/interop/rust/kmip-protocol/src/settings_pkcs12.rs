use kmip_protocol::client::{ClientCertificate, ConnectionSettings};
use std::{fs, io, time::Duration};

pub fn settings() -> io::Result<ConnectionSettings> {
    Ok(ConnectionSettings {
        host: "kms.example".into(),
        port: 5696,
        ca_cert: Some(fs::read("/etc/kmip/ca.crt")?),
        client_cert: Some(ClientCertificate::CombinedPkcs12 {
            cert_bytes: fs::read("/etc/kmip/client.p12")?,
        }),
        connect_timeout: Some(Duration::from_secs(10)),
        max_response_bytes: Some(65536),
        ..Default::default()
    })
}
