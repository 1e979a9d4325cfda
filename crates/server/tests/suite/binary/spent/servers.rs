//! Three servers on one store. Each is a process that can be killed, and is then started again.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use tokio::task::spawn_blocking;

use super::super::{
    clients::{Connection, serve},
    process::{Folder, Running},
    serving::Server,
};

pub(super) const SERVERS: usize = 3;

pub(super) struct Servers<'a> {
    folder: &'a Folder,
    running: Mutex<Vec<Process>>,
    /// The connections to the processes that were killed.
    gone: Mutex<Vec<Arc<Connection>>>,
}

struct Process {
    server: Server,
    connection: Arc<Connection>,
}

impl Process {
    /// Starts a process, and waits until it listens.
    async fn start(folder: &Folder) -> Self {
        let command = serve(folder);
        let server = spawn_blocking(|| Server::of(Running::start(command))).await.unwrap();
        let connection = Arc::new(Connection::to(server.url("")));
        Self { server, connection }
    }
}

impl<'a> Servers<'a> {
    pub(super) async fn start(folder: &'a Folder) -> Self {
        let running = join_all((0..SERVERS).map(|_| Process::start(folder))).await.into();
        Self { folder, running, gone: Mutex::default() }
    }

    /// The connection to this server, which may just have been killed. Numbers go round.
    pub(super) fn connection(&self, server: usize) -> Arc<Connection> {
        self.running.lock().unwrap()[server % SERVERS].connection.clone()
    }

    /// Kills a server while the others go on, and starts it again.
    pub(super) async fn kill(&self, server: usize) {
        {
            let process = &mut self.running.lock().unwrap()[server];
            process.connection.expect_the_end();
            process.server.kill();
        }
        let again = Process::start(self.folder).await;
        let killed = std::mem::replace(&mut self.running.lock().unwrap()[server], again);
        killed.server.gone();
        self.gone.lock().unwrap().push(killed.connection);
    }

    /// Stops all servers, which record what they have acknowledged. Returns how often they have asked to try again later.
    pub(super) fn stop(self) -> usize {
        let mut connections = self.gone.into_inner().unwrap();
        for Process { server, connection } in self.running.into_inner().unwrap() {
            server.stop();
            connections.push(connection);
        }
        connections.iter().map(|connection| connection.refused()).sum()
    }
}
