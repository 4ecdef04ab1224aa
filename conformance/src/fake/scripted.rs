//! A daemon that answers every request of HTTP in one way, by wiremock.

use tokio::runtime::Runtime;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

/// A daemon with one answer.
#[derive(Debug)]
pub struct Scripted {
    // Before the runtime that it runs on.
    server: MockServer,
    runtime: Runtime,
}

impl Scripted {
    /// Answers every request so.
    ///
    /// # Errors
    /// Where no runtime or port can be had.
    pub fn answering(answer: ResponseTemplate) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(matchers::any()).respond_with(answer).mount(&server).await;
            server
        });
        Ok(Self { server, runtime })
    }

    /// The multiaddr of its API.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("/ip4/127.0.0.1/tcp/{}", self.server.address().port())
    }

    /// How many requests there were.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.runtime.block_on(self.server.received_requests()).map_or(0, |requests| requests.len())
    }
}
