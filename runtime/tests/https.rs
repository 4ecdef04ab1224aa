//! An endpoint over TLS: the system's certificates decide, and the name must fit.
//!
//! Certificates come from `SSL_CERT_FILE`, which only another process can be given: this one serves, and
//! starts itself again as the client.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, Stream};
use ww::content::{Content, ContentPath, Timeouts};
use ww::endpoint::Endpoint;

/// sha2-256 of `hello`.
const HELLO: &str = "/ipfs/bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
const CLIENT: &str = "HTTPS_TEST_ENDPOINT";

fn main() {
    match std::env::var(CLIENT) {
        Ok(endpoint) => client(&endpoint),
        Err(_) => server(),
    }
}

fn client(endpoint: &str) {
    let content = Content::new(Endpoint::parse(endpoint).unwrap(), Timeouts::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(content.cat(&ContentPath::parse(HELLO).unwrap().unwrap(), 5)) {
        Ok(data) => print!("{}", String::from_utf8(data).unwrap()),
        Err(error) => print!("{error:?}"),
    }
}

fn server() {
    let certificate = |names: &[&str]| {
        generate_simple_self_signed(names.iter().map(|name| name.to_string()).collect::<Vec<_>>()).unwrap()
    };
    let (ours, other) = (certificate(&["localhost", "127.0.0.1"]), certificate(&["localhost"]));
    let dir = tempfile::tempdir().unwrap();
    let (trusted, untrusted) = (dir.path().join("ours.pem"), dir.path().join("other.pem"));
    std::fs::write(&trusted, ours.cert.pem()).unwrap();
    std::fs::write(&untrusted, other.cert.pem()).unwrap();
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let port = serve(ours);

    let run = |endpoint: String, roots: &std::path::Path| {
        let client = Command::new(std::env::current_exe().unwrap())
            .env(CLIENT, endpoint)
            .env("SSL_CERT_FILE", roots)
            .env_remove("SSL_CERT_DIR")
            .output();
        String::from_utf8(client.unwrap().stdout).unwrap().to_lowercase()
    };
    for endpoint in ["https://localhost:", "https://127.0.0.1:", "/dns4/localhost/tcp/"] {
        let tail = if endpoint.starts_with('/') { "/tls/http" } else { "" };
        assert_eq!(run(format!("{endpoint}{port}{tail}"), &trusted), "hello", "{endpoint}");
    }
    let unknown = run(format!("/ip4/127.0.0.1/tcp/{port}/https"), &untrusted);
    assert!(unknown.contains("connect {") && unknown.contains("certificate"), "{unknown}");
    let wrong_name = run(format!("https://x.localhost:{port}"), &trusted);
    assert!(wrong_name.contains("connect {") && wrong_name.contains("certificate"), "{wrong_name}");
    let none = run(format!("https://localhost:{port}"), &empty);
    assert!(none.contains("ca-certificates"), "{none}");
    println!("https: 6 clients, as expected");
}

/// Serves `hello` for every request; returns the port.
fn serve(CertifiedKey { cert, signing_key }: CertifiedKey<rcgen::KeyPair>) -> u16 {
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let (mut tcp, mut tls) = (tcp.unwrap(), ServerConnection::new(config.clone()).unwrap());
            let mut stream = Stream::new(&mut tls, &mut tcp);
            // A client that doesn't trust the certificate sends no request.
            if stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
            }
        }
    });
    port
}
