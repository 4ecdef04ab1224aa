//! One request and its answer over HTTP/1.1, with bounds on everything that a daemon could send or withhold.
//!
//! - What it does: keeps a few connections, sends POSTs, hands out the body chunk by chunk.
//! - What must stay true: a cut body, a trailer that reports an error, a redirect, a compressed answer are
//!   errors. Every wait ends: at the idle timeout, or at the time that one answer may take in all. Heads,
//!   trailers and error bodies are bounded. Nothing exists before the first request.
//! - Serves: rulings 6 (nothing is dialled until needed), 7, 20.

mod asked;

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use crate::endpoint::{Endpoint, Host, Target};

use super::error::tame;
use super::payload::{Payload, Sent};
use super::turns::Turns;
use super::{ContentError, Timeouts, dial::Dialer};

pub(crate) use asked::Asked;

/// The largest head of an answer, and how much of a body is read ahead, in bytes.
const BUFFER: usize = 128 * 1024;
/// The most headers, and the most trailers.
const HEADERS: usize = 64;
/// The largest answer that isn't content, in bytes.
pub(crate) const SMALL: usize = 64 * 1024;
/// Idle connections that are kept.
const KEPT: usize = 8;
/// One answer may take this many times the idle timeout, from request to end.
pub(crate) const SLOWEST: u32 = 4;
/// And a call of a cell's, which may need many answers, this many times.
const CALL: u32 = 10;
/// A timeout longer than this is as good as none.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A client of one endpoint.
pub(crate) struct Client {
    dialer: Dialer,
    timeouts: Timeouts,
    idle: RefCell<Vec<SendRequest<Sent>>>,
    /// For the one large block that may be in memory.
    pub(crate) large: Semaphore,
    /// For the blocks of files that are being read in order.
    pub(crate) turns: Rc<Turns>,
}

/// An answer whose head said 200.
pub(crate) struct Answer<'a> {
    client: &'a Client,
    body: Incoming,
    connection: Option<SendRequest<Sent>>,
    wait: Wait<'a>,
}

#[derive(Clone, Copy)]
struct Wait<'a> {
    what: &'a str,
    timeouts: Timeouts,
    end: Instant,
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint, timeouts: Timeouts) -> Client {
        // A clock can't be added to without end.
        let timeouts = Timeouts { connect: timeouts.connect.min(FOR_EVER), idle: timeouts.idle.min(FOR_EVER) };
        Client {
            dialer: Dialer::new(endpoint, timeouts.connect),
            timeouts,
            idle: RefCell::default(),
            large: Semaphore::new(1),
            turns: Turns::new(),
        }
    }

    pub(crate) fn call_limit(&self) -> Duration {
        self.timeouts.idle * CALL
    }

    /// How long the daemon may be silent.
    pub(crate) fn idle_limit(&self) -> Duration {
        self.timeouts.idle
    }

    /// Sends one POST. `what` is asked for, in the words of a message. `content_type` goes with a payload.
    pub(crate) async fn post<'a>(
        &'a self,
        path: &str,
        content_type: Option<&str>,
        payload: Payload,
        what: &'a str,
    ) -> Result<Answer<'a>, ContentError> {
        self.post_on(self.kept().await, path, content_type, payload, what).await
    }

    /// Sends one POST on a connection of its own, so that it is never sent twice.
    pub(crate) async fn post_once<'a>(&'a self, path: &str, what: &'a str) -> Result<Answer<'a>, ContentError> {
        self.post_on(None, path, None, Payload::default(), what).await
    }

    async fn post_on<'a>(
        &'a self,
        kept: Option<SendRequest<Sent>>,
        path: &str,
        content_type: Option<&str>,
        payload: Payload,
        what: &'a str,
    ) -> Result<Answer<'a>, ContentError> {
        let reused = kept.is_some();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let wait = Wait { what, timeouts: self.timeouts, end: Instant::now() + self.timeouts.idle * SLOWEST };
        // An upload's silence isn't the daemon's: it may read all before it says a word.
        let head = async |connection: &mut SendRequest<Sent>, payload: Payload| {
            let uploads = !payload.is_empty();
            let sent = connection.send_request(self.request(path, content_type, payload.into())?);
            let answer = if uploads { wait.total(sent).await? } else { wait.idle(sent).await? };
            answer.map_err(ContentError::Http)
        };
        let answer = match head(&mut connection, payload.clone()).await {
            // The daemon may have closed a kept connection meanwhile. Asking twice does no harm: all requests
            // but those of `post_once` mean the same the second time.
            Err(ContentError::Http(_)) if reused => {
                connection = self.connect().await?;
                head(&mut connection, payload).await?
            }
            answer => answer?,
        };
        self.checked(answer, connection, wait).await
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    async fn checked<'a>(
        &'a self,
        answer: Response<Incoming>,
        connection: SendRequest<Sent>,
        wait: Wait<'a>,
    ) -> Result<Answer<'a>, ContentError> {
        let (head, body) = answer.into_parts();
        let answer = Answer { client: self, body, connection: Some(connection), wait };
        check_trailers(&head.headers)?;
        if head.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(ContentError::Answer("it is compressed, which nobody asked for".into()));
        }
        match head.status {
            StatusCode::OK => Ok(answer),
            status => Err(answer.refusal(status).await),
        }
    }

    /// A connection of an earlier request that is still open, as far as can be told.
    async fn kept(&self) -> Option<SendRequest<Sent>> {
        loop {
            let mut connection = self.idle.borrow_mut().pop()?;
            // Ready once its driver has seen the end of the last answer; one whose runtime is gone never is.
            let ready = timeout(self.timeouts.idle, connection.ready());
            if let Ok(Ok(())) = ready.await {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<SendRequest<Sent>, ContentError> {
        let io = TokioIo::new(self.dialer.dial().await?);
        let mut builder = Builder::new();
        builder.max_buf_size(BUFFER).max_headers(HEADERS);
        let (connection, driver) = builder.handshake(io).await.map_err(ContentError::Http)?;
        // Its errors reach the requests on it. It ends when the sender is dropped, or with the runtime.
        tokio::spawn(async move { driver.await.unwrap_or_default() });
        Ok(connection)
    }

    fn request(&self, path: &str, content_type: Option<&str>, body: Sent) -> Result<Request<Sent>, ContentError> {
        let host = match self.dialer.endpoint().target() {
            Target::Unix(_) => "localhost".to_owned(),
            Target::Tcp { host: Host::Ip(ip), port } => std::net::SocketAddr::new(*ip, *port).to_string(),
            Target::Tcp { host: Host::Name { name, .. }, port } => format!("{name}:{port}"),
        };
        let mut request =
            Request::post(path).header(HOST, host).header(USER_AGENT, concat!("ww/", env!("CARGO_PKG_VERSION")));
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        request.body(body).map_err(|error| ContentError::Answer(error.to_string()))
    }
}

impl Answer<'_> {
    /// The next bytes of the body; `None` after its true end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, ContentError> {
        loop {
            let frame = std::future::poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx));
            let Some(frame) = self.wait.idle(frame).await? else {
                let mut kept = self.client.idle.borrow_mut();
                if kept.len() < KEPT {
                    kept.extend(self.connection.take());
                }
                return Ok(None);
            };
            match frame.map_err(ContentError::Http)?.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Ok(Some(data)),
                Err(frame) => check_trailers(frame.trailers_ref().unwrap_or(&HeaderMap::new()))?,
            }
        }
    }

    /// What was asked for.
    pub(crate) fn what(&self) -> &str {
        self.wait.what
    }

    /// Gives the daemon the time back that we kept it waiting.
    pub(crate) fn extend(&mut self, waited: Duration) {
        self.wait.end += waited;
    }

    /// The error that an answer with a status other than 200 stands for.
    async fn refusal(mut self, status: StatusCode) -> ContentError {
        if status.is_redirection() {
            return ContentError::Answer(format!("a redirect ({status}), which isn't followed"));
        }
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = self.chunk().await
            && body.len() < SMALL
        {
            body.extend_from_slice(&chunk);
        }
        #[derive(Deserialize)]
        struct Refusal {
            #[serde(rename = "Message")]
            message: String,
        }
        if let Ok(Refusal { message }) = serde_json::from_slice(&body) {
            return ContentError::Daemon { message: tame(&message) };
        }
        match tame(&String::from_utf8_lossy(&body)) {
            text if text.is_empty() => ContentError::Answer(format!("HTTP status {status}")),
            text => ContentError::Answer(format!("HTTP status {status}: {text}")),
        }
    }
}

impl Wait<'_> {
    /// Waits as long as the daemon may be silent.
    async fn idle<T>(self, future: impl Future<Output = T>) -> Result<T, ContentError> {
        let what = || self.what.to_owned();
        let silent = Instant::now() + self.timeouts.idle;
        timeout_at(silent.min(self.end), future).await.map_err(|_| match silent < self.end {
            true => ContentError::Idle { what: what(), after: self.timeouts.idle },
            false => ContentError::Slow { what: what(), after: self.timeouts.idle * SLOWEST },
        })
    }

    /// Waits as long as the whole may take.
    async fn total<T>(self, future: impl Future<Output = T>) -> Result<T, ContentError> {
        let slow = |_| ContentError::Slow { what: self.what.to_owned(), after: self.timeouts.idle * SLOWEST };
        timeout_at(self.end, future).await.map_err(slow)
    }
}

/// Kubo reports a failure after the head in a trailer.
fn check_trailers(headers: &HeaderMap) -> Result<(), ContentError> {
    match headers.get("x-stream-error") {
        None => Ok(()),
        Some(text) => Err(ContentError::Stream { message: tame(&String::from_utf8_lossy(text.as_bytes())) }),
    }
}
