//! The answer to one request, chunk by chunk, and how long it is waited for.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::HeaderMap;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::{Client, KEPT, SLOWEST, SMALL, Way};
use crate::content::payload::Sent;
use crate::content::{ContentError, Timeouts};
use crate::tame::tame;

/// An answer whose head said 200.
pub(crate) struct Answer<'a> {
    pub(super) client: &'a Client,
    pub(super) body: Incoming,
    pub(super) connection: Option<SendRequest<Sent>>,
    pub(super) wait: Wait<'a>,
}

#[derive(Clone, Copy)]
pub(super) struct Wait<'a> {
    pub(super) what: &'a str,
    pub(super) timeouts: Timeouts,
    pub(super) end: Instant,
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
    pub(super) async fn refusal(mut self, status: StatusCode) -> ContentError {
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
        if self.client.way == Way::Api
            && let Ok(Refusal { message }) = serde_json::from_slice(&body)
        {
            return ContentError::Daemon { message: tame(&message) };
        }
        match tame(&String::from_utf8_lossy(&body)) {
            text if text.is_empty() => self.client.unfit(format!("HTTP status {status}")),
            text => self.client.unfit(format!("HTTP status {status}: {text}")),
        }
    }
}

impl Wait<'_> {
    /// Waits as long as the daemon may be silent.
    pub(super) async fn idle<T>(self, future: impl Future<Output = T>) -> Result<T, ContentError> {
        let what = || self.what.to_owned();
        let silent = Instant::now() + self.timeouts.idle;
        timeout_at(silent.min(self.end), future).await.map_err(|_| match silent < self.end {
            true => ContentError::Idle { what: what(), after: self.timeouts.idle },
            false => ContentError::Slow { what: what(), after: self.timeouts.idle * SLOWEST },
        })
    }

    /// Waits as long as the whole may take.
    pub(super) async fn total<T>(self, future: impl Future<Output = T>) -> Result<T, ContentError> {
        let slow = |_| ContentError::Slow { what: self.what.to_owned(), after: self.timeouts.idle * SLOWEST };
        timeout_at(self.end, future).await.map_err(slow)
    }
}

/// Kubo reports a failure after the head in a trailer.
pub(super) fn check_trailers(headers: &HeaderMap) -> Result<(), ContentError> {
    match headers.get("x-stream-error") {
        None => Ok(()),
        Some(text) => Err(ContentError::Stream { message: tame(&String::from_utf8_lossy(text.as_bytes())) }),
    }
}
