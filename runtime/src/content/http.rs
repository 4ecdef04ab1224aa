//! One request and its answer over HTTP/1.1, with bounds on everything that a daemon could send or withhold.
//!
//! - What it does: keeps a few connections, sends POSTs, hands out the body chunk by chunk.
//! - What must stay true: a cut body, a trailer that reports an error, a redirect, a compressed answer are
//!   errors. Every wait ends: at the idle timeout, or at the time that one answer may take in all. Heads,
//!   trailers and error bodies are bounded. Nothing exists before the first request.
//! - Serves: rulings 6 (nothing is dialled until needed), 7, 20.

mod answer;
mod asked;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::endpoint::{Endpoint, Host, Target};

use super::payload::{Payload, Sent};
use super::turns::Turns;
use super::{ContentError, Timeouts, dial::Dialer};

use answer::{Wait, check_trailers};

pub(crate) use answer::Answer;
pub(crate) use asked::{Asked, Head};

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
    /// What it asks for blocks.
    pub(crate) way: Way,
    timeouts: Timeouts,
    idle: RefCell<Vec<SendRequest<Sent>>>,
    /// For the one large block that may be in memory.
    pub(crate) large: Semaphore,
    /// For the blocks of files that are being read in order.
    pub(crate) turns: Rc<Turns>,
    /// The gateway that was used last, for its connections.
    gateway: RefCell<Option<(SocketAddr, Rc<Client>)>>,
}

/// Which of a daemon's two servers a client asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// All that it can do, by POST.
    Api,
    /// Blocks alone, by GET.
    Gateway,
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint, timeouts: Timeouts) -> Client {
        Client::by(Way::Api, endpoint, timeouts)
    }

    fn by(way: Way, endpoint: Endpoint, timeouts: Timeouts) -> Client {
        // A clock can't be added to without end.
        let timeouts = Timeouts { connect: timeouts.connect.min(FOR_EVER), idle: timeouts.idle.min(FOR_EVER) };
        Client {
            dialer: Dialer::new(endpoint, timeouts.connect),
            way,
            timeouts,
            idle: RefCell::default(),
            large: Semaphore::new(1),
            turns: Turns::new(),
            gateway: RefCell::default(),
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.dialer.endpoint()
    }

    /// A client of the daemon's gateway there; the last one, if it is.
    pub(crate) fn at_gateway(&self, address: &SocketAddr) -> Rc<Client> {
        let mut last = self.gateway.borrow_mut();
        match &*last {
            Some((other, client)) if other == address => client.clone(),
            _ => {
                let client = Rc::new(Client::by(Way::Gateway, Endpoint::at(*address), self.timeouts));
                *last = Some((*address, client.clone()));
                client
            }
        }
    }

    pub(crate) fn call_limit(&self) -> Duration {
        self.timeouts.idle * CALL
    }

    /// How long the daemon may be silent.
    pub(crate) fn idle_limit(&self) -> Duration {
        self.timeouts.idle
    }

    /// Sends one request. `what` is asked for, in the words of a message. `content_type` goes with a payload.
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
        let method = match self.way {
            Way::Api => Method::POST,
            Way::Gateway => Method::GET,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
            .header(USER_AGENT, concat!("ww/", env!("CARGO_PKG_VERSION")));
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        request.body(body).map_err(|error| ContentError::Answer(error.to_string()))
    }
}
