//! A venue on this machine: a WebSocket server, with or without TLS, and an HTTP server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// A byte stream with or without TLS.
pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// The server's end of one connection.
pub(crate) struct Peer {
    socket: WebSocket<Box<dyn Stream>>,
}

impl Peer {
    /// Sends a message, unless the client is gone.
    pub(crate) fn send(&mut self, text: &str) {
        let _ = self.try_send(text);
    }

    /// Sends a message; `false` if the client is gone.
    pub(crate) fn try_send(&mut self, text: &str) -> bool {
        self.socket.send(Message::text(text)).is_ok()
    }

    /// Returns the next text from the client; `None` when it is gone. Answers pings meanwhile.
    pub(crate) fn receive(&mut self) -> Option<String> {
        loop {
            match self.socket.read().ok()? {
                Message::Text(text) => return Some(text.to_string()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// Says goodbye, and waits until the client is gone.
    pub(crate) fn close(mut self) {
        let _ = self.socket.close(None);
        while self.socket.read().is_ok() {}
    }
}

/// A certificate that nobody signed but itself.
pub(crate) struct Certificate {
    folder: TempDir,
    config: Arc<ServerConfig>,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), own.cert.pem()).unwrap();
        let chain = vec![CertificateDer::from_pem_slice(own.cert.pem().as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(own.signing_key.serialize_pem().as_bytes());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key.unwrap())
            .unwrap();
        Self { folder, config: Arc::new(config) }
    }

    /// The file that a client is to trust.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Serves WebSocket connections, one after the other: `handle` gets each with its number from 0.
/// Returns the URL. The thread ends with the process of the tests.
pub(crate) fn serve(
    certificate: Option<&Certificate>,
    mut handle: impl FnMut(usize, Peer) + Send + 'static,
) -> String {
    let (listener, port) = listen();
    let config = certificate.map(|certificate| Arc::clone(&certificate.config));
    let scheme = if config.is_some() { "wss" } else { "ws" };
    std::thread::spawn(move || {
        let mut number = 0;
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            let stream: Box<dyn Stream> = match &config {
                Some(config) => {
                    let session = ServerConnection::new(Arc::clone(config)).unwrap();
                    Box::new(StreamOwned::new(session, stream))
                }
                None => Box::new(stream),
            };
            // A client that does not trust the certificate ends here.
            if let Ok(socket) = tungstenite::accept(stream) {
                handle(number, Peer { socket });
                number += 1;
            }
        }
    });
    format!("{scheme}://localhost:{port}")
}

/// Answers HTTP requests, one after the other: `answer` gets each path with its number from 0.
/// Returns the URL.
pub(crate) fn answer(
    mut answer: impl FnMut(usize, &str) -> (u16, String) + Send + 'static,
) -> String {
    let (listener, port) = listen();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            if let Some(path) = requested(&stream) {
                let (status, body) = answer(number, &path);
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n\
                     {body}"
                );
            }
        }
    });
    format!("http://localhost:{port}")
}

/// Reads the head of a request and returns its path.
fn requested(stream: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    while !lines.next()?.ok()?.is_empty() {}
    first.split(' ').nth(1).map(str::to_owned)
}

/// Accepts connections and never answers; returns the URL and what is told of each.
pub(crate) fn mute() -> (String, Receiver<()>) {
    let (listener, port) = listen();
    let (told, accepted) = channel();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            held.push(stream.unwrap());
            if told.send(()).is_err() {
                break;
            }
        }
    });
    (format!("ws://localhost:{port}"), accepted)
}
