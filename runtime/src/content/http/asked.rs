//! A request whose body takes as long as it takes, and whose answer is waited for apart from it.

use futures::future::LocalBoxFuture;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{HeaderValue, RANGE};
use hyper::{Response, StatusCode};
use tokio::time::{Instant, timeout};

use super::{Answer, Client, SLOWEST, Wait};
use crate::content::payload::{Fed, Payload, Sent};
use crate::content::{ContentError, Timeouts};

/// A request whose answer isn't there yet. Dropping it breaks the request off.
pub(crate) struct Asked {
    head: LocalBoxFuture<'static, hyper::Result<Response<Incoming>>>,
    connection: Option<SendRequest<Sent>>,
}

/// What comes first of an answer.
pub(crate) struct Head {
    head: Response<Incoming>,
    connection: SendRequest<Sent>,
}

impl Client {
    /// Sends one POST whose body comes as long as it comes; nobody waits for its answer yet.
    pub(crate) async fn ask(&self, path: &str, content_type: Option<&str>, body: Fed) -> Result<Asked, ContentError> {
        let mut connection = self.connect().await?;
        let request = self.request(path, content_type, Sent::Fed(body))?;
        let head = Box::pin(connection.send_request(request));
        Ok(Asked { head, connection: Some(connection) })
    }

    /// Asks for a range of what is at a path, in the words of RFC 9110 §14.2; gives the head of the answer, of whose body so many
    /// bytes are read ahead.
    pub(crate) async fn ask_for_range(&self, path: &str, range: &str, ahead: usize) -> Result<Head, ContentError> {
        let mut connection = self.connect_ahead(ahead).await?;
        let mut request = self.request(path, None, Payload::default().into())?;
        let value = HeaderValue::from_str(range).map_err(|error| ContentError::Answer(error.to_string()))?;
        request.headers_mut().insert(RANGE, value);
        let Timeouts { idle, .. } = self.timeouts;
        let head = timeout(idle, connection.send_request(request)).await;
        let head = head.map_err(|_| ContentError::Idle { what: path.to_owned(), after: idle })?;
        Ok(Head { head: head.map_err(ContentError::Http)?, connection })
    }

    /// The answer to an [`Asked`].
    pub(crate) async fn accept<'a>(&'a self, head: Head, what: &'a str) -> Result<Answer<'a>, ContentError> {
        let wait = Wait { what, timeouts: self.timeouts, end: Instant::now() + self.timeouts.idle * SLOWEST };
        let Head { head, connection } = head;
        self.checked(head, connection, wait).await
    }
}

impl Head {
    pub(crate) fn status(&self) -> StatusCode {
        self.head.status()
    }

    pub(crate) fn body(&mut self) -> &mut Incoming {
        self.head.body_mut()
    }
}

impl Asked {
    /// Waits for the head of the answer; to be asked for again where the wait was given up.
    pub(crate) async fn head(&mut self) -> Result<Head, ContentError> {
        let head = (&mut self.head).await.map_err(ContentError::Http)?;
        let gone = || ContentError::Answer("a second answer to one request".to_owned());
        Ok(Head { head, connection: self.connection.take().ok_or_else(gone)? })
    }
}
