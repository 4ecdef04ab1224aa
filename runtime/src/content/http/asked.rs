//! A request whose body takes as long as it takes, and whose answer is waited for apart from it.

use futures::future::LocalBoxFuture;
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use super::{Answer, Client, SLOWEST, Wait};
use crate::content::ContentError;
use crate::content::payload::{Fed, Sent};

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

    /// The answer to an [`Asked`].
    pub(crate) async fn accept<'a>(&'a self, head: Head, what: &'a str) -> Result<Answer<'a>, ContentError> {
        let wait = Wait { what, timeouts: self.timeouts, end: Instant::now() + self.timeouts.idle * SLOWEST };
        let Head { head, connection } = head;
        self.checked(head, connection, wait).await
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
