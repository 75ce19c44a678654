//! Starting and stopping a twin on loopback.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::{Config, ConfigError};
use crate::http;
use crate::world::World;

/// Why a twin could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration.
    #[error("the configuration was refused")]
    Config(#[from] ConfigError),
    /// The port.
    #[error("no socket on loopback")]
    Socket(#[from] std::io::Error),
}

/// A twin that serves until it is dropped or shut down.
#[derive(Debug)]
pub struct Running {
    /// The port on loopback.
    pub port: u16,
    /// Where all three APIs begin, such as `http://127.0.0.1:40123`.
    pub base_url: String,
    /// The world behind it.
    pub world: Arc<World>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// Stops listening.
    pub fn shutdown(self) {
        drop(self);
    }

    /// Serves until the task ends, which it does only when the socket breaks.
    ///
    /// # Errors
    /// What broke the socket.
    pub async fn wait(mut self) -> std::io::Result<()> {
        match (&mut self.task).await {
            Ok(result) => result,
            Err(error) => Err(std::io::Error::other(error)),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a twin on 127.0.0.1.
///
/// # Errors
/// A configuration that does not fit, or a port that is taken.
pub async fn serve(config: Config) -> Result<Running, ServeError> {
    let world = Arc::new(World::new(&config)?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
    let port = listener.local_addr()?.port();
    let app = http::router(world.clone());
    let task = tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(Running {
        port,
        base_url: format!("http://127.0.0.1:{port}"),
        world,
        task,
    })
}
