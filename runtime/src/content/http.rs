//! One request and its answer over HTTP/1.1, with bounds on everything that a daemon could send or withhold.
//!
//! - What it does: keeps a few connections, sends POSTs to an API and GETs to a gateway, hands out the body chunk by chunk.
//! - What must stay true: a cut body, a trailer that reports an error, a redirect, a compressed answer are
//!   errors: of a daemon's API none is followed, as what is sent there may change something, and must go where the user said. Every wait ends: at the idle timeout, or at the time that one answer may take in all. Heads,
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
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout};

use crate::endpoint::{Endpoint, Gateway, Host, Target};

use super::payload::{Payload, Sent};
use super::{ContentError, Timeouts, dial::Dialer};

use answer::{Wait, check_trailers};

pub(crate) use answer::Answer;
pub(crate) use asked::{Asked, Head};

/// The largest head of an answer, and how much of a body is read ahead, in bytes. Each read that waits for its turn has an
/// answer that has begun, and hyper's buffer for it is up to twice as large: with 128 KiB they were 16 MB together.
pub(super) const BUFFER: usize = 32 * 1024;
/// The same where no other reads so much at a time: a file of 256 MiB is here a tenth sooner.
pub(super) const WIDE: usize = 512 * 1024;
/// The most headers, and the most trailers.
const HEADERS: usize = 64;
/// The largest answer that isn't content, in bytes.
pub(crate) const SMALL: usize = 64 * 1024;
/// Idle connections that are kept.
const KEPT: usize = 8;
/// One answer may take this many times the idle timeout, from request to end.
pub(crate) const SLOWEST: u32 = 4;
/// A timeout longer than this is as good as none.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A client of one endpoint.
pub(crate) struct Client {
    dialer: Dialer,
    /// What it asks for blocks.
    pub(crate) way: Way,
    /// Of a gateway that asks for a user and a password.
    authorization: Option<HeaderValue>,
    timeouts: Timeouts,
    idle: RefCell<Vec<SendRequest<Sent>>>,
    /// The gateway that was used last, for its connections.
    gateway: RefCell<Option<(SocketAddr, Rc<Client>)>>,
}

/// What a client asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A daemon's API: all that it can do, by POST.
    Api,
    /// A gateway, a daemon's own or another's: blocks and signed records alone, by GET.
    Gateway,
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint, timeouts: Timeouts) -> Client {
        Client::by(Way::Api, endpoint, timeouts)
    }

    /// A client of somebody's gateway.
    pub(crate) fn of_gateway(gateway: &Gateway, timeouts: Timeouts) -> Client {
        let mut client = Client::by(Way::Gateway, gateway.endpoint().clone(), timeouts);
        // What a password was made into has no characters that a header can't have.
        client.authorization = gateway.authorization().and_then(|value| HeaderValue::from_str(value).ok());
        client
    }

    /// A client of the host that a gateway's redirect leads to: it is told no password.
    pub(crate) fn led_to(&self, endpoint: Endpoint) -> Client {
        Client::by(Way::Gateway, endpoint, self.timeouts)
    }

    fn by(way: Way, endpoint: Endpoint, timeouts: Timeouts) -> Client {
        // A clock can't be added to without end.
        let timeouts = Timeouts { connect: timeouts.connect.min(FOR_EVER), idle: timeouts.idle.min(FOR_EVER) };
        Client {
            dialer: Dialer::new(endpoint, timeouts.connect),
            way,
            authorization: None,
            timeouts,
            idle: RefCell::default(),
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

    /// Sends one request. `what` is asked for, in the words of a message. `media` is the type of the payload, or the one
    /// that is wanted of a gateway.
    pub(crate) async fn post<'a>(
        &'a self,
        path: &str,
        media: Option<&str>,
        payload: Payload,
        what: &'a str,
    ) -> Result<Answer<'a>, ContentError> {
        self.post_on(self.kept().await, path, media, payload, what).await
    }

    /// Sends one POST on a connection of its own, so that it is never sent twice.
    pub(crate) async fn post_once<'a>(&'a self, path: &str, what: &'a str) -> Result<Answer<'a>, ContentError> {
        self.post_on(None, path, None, Payload::default(), what).await
    }

    async fn post_on<'a>(
        &'a self,
        kept: Option<SendRequest<Sent>>,
        path: &str,
        media: Option<&str>,
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
            let sent = connection.send_request(self.request(path, media, payload.into())?);
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
            return Err(self.unfit("it is compressed, which nobody asked for".into()));
        }
        match head.status {
            StatusCode::OK => Ok(answer),
            status if status.is_redirection() => Err(ContentError::Redirect {
                status: status.as_u16(),
                location: head.headers.get(LOCATION).and_then(|to| to.to_str().ok()).map(Into::into),
            }),
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
        self.connect_ahead(BUFFER).await
    }

    /// The same, with so many bytes of a body read ahead.
    async fn connect_ahead(&self, ahead: usize) -> Result<SendRequest<Sent>, ContentError> {
        let io = TokioIo::new(self.dialer.dial().await?);
        let mut builder = Builder::new();
        builder.max_buf_size(ahead).max_headers(HEADERS);
        let (connection, driver) = builder.handshake(io).await.map_err(ContentError::Http)?;
        // Its errors reach the requests on it. It ends when the sender is dropped, or with the runtime.
        tokio::spawn(async move { driver.await.unwrap_or_default() });
        Ok(connection)
    }

    /// The error that an answer is which this server doesn't give.
    pub(crate) fn unfit(&self, what: String) -> ContentError {
        match self.way {
            Way::Api => ContentError::Answer(what),
            Way::Gateway => ContentError::Gateway(what),
        }
    }

    fn request(&self, path: &str, media: Option<&str>, body: Sent) -> Result<Request<Sent>, ContentError> {
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
        if let Some(media) = media {
            request = request.header(if self.way == Way::Api { CONTENT_TYPE } else { ACCEPT }, media);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(body).map_err(|error| ContentError::Answer(error.to_string()))
    }
}
