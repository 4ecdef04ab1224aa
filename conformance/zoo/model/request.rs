//! Requests to the daemon, word by word: an answer, a block, and an upload that takes as long as the cell does.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Around the file in an upload.
const BOUNDARY: &str = "zoo-7f3a1c5e9b2d4608";

/// An answer, or why there is none; with bytes, those are sent as a file.
pub async fn ask(authority: &str, target: &str, file: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\r\n");
    let form = file.map(|file| [head.as_bytes(), file, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat());
    // Without a file there is no form: the daemon reads what is said to be one.
    let kind = form.as_ref().map(|_| format!("Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"));
    let (form, kind) = (form.unwrap_or_default(), kind.unwrap_or_default());
    let request =
        format!("POST {target} HTTP/1.0\r\nHost: {authority}\r\n{kind}Content-Length: {}\r\n\r\n", form.len());
    let asked = async {
        let mut stream = TcpStream::connect(authority).await?;
        stream.write_all(&[request.as_bytes(), &form].concat()).await?;
        answer(stream).await
    };
    match asked.await {
        Ok((200, body)) => Ok(body),
        Ok((_, body)) => Err(String::from_utf8_lossy(&body).trim().to_owned()),
        Err(fault) => Err(fault.to_string()),
    }
}

/// A text as a part of a query.
pub fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/.-_:".contains(byte);
    text.bytes().map(|byte| if plain(&byte) { char::from(byte).into() } else { format!("%{byte:02X}") }).collect()
}

/// A block, or why there is none.
pub async fn block(authority: &str, cid: &str) -> Result<Vec<u8>, String> {
    ask(authority, &format!("/api/v0/block/get?arg={cid}"), None).await
}

/// A file as the daemon's gateway gives it, if it says where that is.
pub async fn by_gateway(authority: &str, cid: &str) -> Option<Vec<u8>> {
    let body = ask(authority, "/api/v0/config?arg=Addresses.Gateway", None).await.ok()?;
    let body = String::from_utf8(body).ok()?;
    let gateway = body.split_once("\"Value\":\"/ip4/")?.1.split('"').next()?.replace("/tcp/", ":");
    let mut stream = TcpStream::connect(&gateway).await.ok()?;
    stream.write_all(format!("GET /ipfs/{cid} HTTP/1.0\r\nHost: {gateway}\r\n\r\n").as_bytes()).await.ok()?;
    let (status, file) = answer(stream).await.ok()?;
    (status / 100 == 2).then_some(file)
}

/// Status and body; one that is shorter than was told is an error.
async fn answer(stream: TcpStream) -> io::Result<(u16, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let (mut status, mut length, mut body) = (0, None, Vec::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim().to_lowercase();
        if line.starts_with("http/") {
            status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok();
        }
        if line.is_empty() {
            break;
        }
    }
    match length {
        Some(length) => {
            body.resize(length, 0);
            reader.read_exact(&mut body).await?;
        }
        None => _ = reader.read_to_end(&mut body).await?,
    }
    Ok((status, body))
}

/// An upload; dropped, it breaks off.
pub struct Open {
    authority: String,
    head: String,
    stream: Option<TcpStream>,
}

impl Open {
    pub fn new(authority: &str, pin: bool, chunker: u32) -> Self {
        let head = format!(
            "POST /api/v0/add?pin={pin}&progress=false&cid-version=1&raw-leaves=true&chunker=size-{chunker}\
             &max-file-links=1024 HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
             Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        );
        Self { authority: authority.to_owned(), head, stream: None }
    }

    async fn frame(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
        stream.write_all(bytes).await?;
        stream.write_all(b"\r\n").await
    }

    async fn stream(&mut self) -> io::Result<&mut TcpStream> {
        if self.stream.is_none() {
            let mut stream = TcpStream::connect(&self.authority).await?;
            stream.write_all(self.head.as_bytes()).await?;
            let part =
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\r\n");
            Self::frame(&mut stream, part.as_bytes()).await?;
            self.stream = Some(stream);
        }
        self.stream.as_mut().ok_or(io::ErrorKind::NotConnected.into())
    }

    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream().await?;
        if bytes.is_empty() { Ok(()) } else { Self::frame(stream, bytes).await }
    }

    /// Ends it, and gives the CID that the daemon names.
    pub async fn finish(mut self) -> io::Result<String> {
        let stream = self.stream().await?;
        Self::frame(stream, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()).await?;
        stream.write_all(b"0\r\n\r\n").await?;
        let Some(stream) = self.stream.take() else { return Err(io::ErrorKind::NotConnected.into()) };
        let (_, body) = answer(stream).await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let cid = body.split_once("\"Hash\":\"").and_then(|(_, rest)| rest.split('"').next());
        cid.map(str::to_owned).ok_or(io::Error::other(body))
    }
}

/// The bytes of text in base 58, as CIDs of version 0 are.
pub fn base58(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes: Vec<u8> = Vec::new();
    for letter in text.bytes() {
        let mut carry = ALPHABET.iter().position(|other| *other == letter).unwrap_or(0);
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        while carry > 0 {
            bytes.insert(0, carry as u8);
            carry >>= 8;
        }
    }
    bytes
}
