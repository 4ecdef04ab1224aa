//! A node of the suite's own in a container, from an image that is on this machine already.
//!
//! What it does: it asks the Docker daemon (`DOCKER_HOST`, or the usual socket) for the image that
//! `WW_CONFORMANCE_IMAGE` or `WW_KUBO_IMAGE` names, else for any `ww-kubo`, and starts it.
//! What must stay true: nothing is pulled, so it looks before it starts; every step is bounded in
//! time; the port is published on the loopback alone; the container is removed at the end of the
//! run, and by a process of its own when the runner is killed.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use testcontainers::bollard::models::PortBinding;
use testcontainers::bollard::query_parameters::ListImagesOptionsBuilder;
use testcontainers::core::client::docker_client_instance;
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::runtime::{Handle, Runtime};
use tokio::time::timeout;

use super::endpoint::Address;
use super::{Kind, NodeError};

/// How long the daemon may take to answer; it takes milliseconds.
const ANSWER: Duration = Duration::from_secs(10);
/// How long the container may take to be ready; it takes a second or two.
const READY: Duration = Duration::from_secs(60);
/// The name of the image that `ci/docker` builds.
const IMAGE: &str = "ww-kubo";
const API: u16 = 5001;

/// A running container.
#[derive(Debug)]
pub(super) struct Running {
    container: Option<ContainerAsync<GenericImage>>,
    runtime: Handle,
    watcher: Option<Child>,
}

/// The image that the user names; then it must work.
fn named() -> Option<String> {
    let variable = |key| std::env::var(key).ok().filter(|name: &String| !name.is_empty());
    variable("WW_CONFORMANCE_IMAGE").or_else(|| variable("WW_KUBO_IMAGE"))
}

fn trouble(why: impl ToString) -> NodeError {
    let (kind, why) = (Kind::Container, why.to_string());
    if named().is_some() { NodeError::Broken { kind, why } } else { NodeError::Absent { kind, why } }
}

pub(super) fn start(runtime: &Runtime) -> Result<(Address, Running), NodeError> {
    runtime.block_on(async {
        let image = timeout(ANSWER, image()).await;
        let image = image.map_err(|_| trouble(format!("the Docker daemon says nothing for {ANSWER:?}")))??;
        let started = timeout(READY, run(&image)).await;
        let broken = |why: String| NodeError::Broken { kind: Kind::Container, why: format!("{image}: {why}") };
        let (container, port) =
            started.map_err(|_| broken(format!("it isn't ready within {READY:?}")))?.map_err(broken)?;
        let watcher = watcher(container.id());
        Ok((Address::local(port), Running { container: Some(container), runtime: Handle::current(), watcher }))
    })
}

/// The image's name and tag, once it is known to be here.
async fn image() -> Result<String, NodeError> {
    let daemon = docker_client_instance().await.map_err(trouble)?;
    if let Some(name) = named() {
        let found = daemon.inspect_image(&name).await;
        return found.map(|_| name.clone()).map_err(|fault| trouble(format!("the image {name}: {fault}")));
    }
    let every = ListImagesOptionsBuilder::default().build();
    let images =
        daemon.list_images(Some(every)).await.map_err(|fault| trouble(format!("the Docker daemon: {fault}")))?;
    let mut tags = images.into_iter().flat_map(|image| image.repo_tags);
    let ours = tags.find(|tag| tag.split(':').next() == Some(IMAGE));
    ours.ok_or_else(|| trouble(format!("the Docker daemon has no image {IMAGE}; ci/docker builds it")))
}

async fn run(image: &str) -> Result<(ContainerAsync<GenericImage>, u16), String> {
    let (name, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
    let container = GenericImage::new(name, tag)
        .with_exposed_port(API.tcp())
        .with_wait_for(WaitFor::message_on_stdout("Daemon is ready"))
        .with_host_config_modifier(|host| {
            let binding = PortBinding { host_ip: Some("127.0.0.1".into()), host_port: Some(String::new()) };
            host.publish_all_ports = Some(false);
            host.port_bindings = Some(HashMap::from([(format!("{API}/tcp"), Some(vec![binding]))]));
        })
        .start()
        .await
        .map_err(|fault| fault.to_string())?;
    let port = container.get_host_port_ipv4(API.tcp()).await.map_err(|fault| fault.to_string())?;
    Ok((container, port))
}

/// A process that removes the container when this one is gone, however it went: its input ends then.
/// It needs Docker's command line; without, a killed runner leaves its container.
fn watcher(id: &str) -> Option<Child> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "read done && exit; exec docker rm --force --volumes \"$0\"", id]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // Not in reach of a Ctrl-C that ends the runner.
    command.process_group(0).spawn().ok()
}

impl Drop for Running {
    fn drop(&mut self) {
        let removed = self
            .container
            .take()
            .map(|container| self.runtime.block_on(async { timeout(READY, container.rm()).await }));
        if let Some(mut watcher) = self.watcher.take() {
            // It removes what couldn't be removed here.
            if let (Some(Ok(Ok(()))), Some(mut input)) = (removed, watcher.stdin.take()) {
                input.write_all(b"\n").ok();
            }
            drop(watcher.stdin.take());
            watcher.wait().ok();
        }
    }
}
