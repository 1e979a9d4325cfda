//! The baseline for the framework: a bare actix handler that finds an answer in memory and sends it.

use std::{
    env,
    io::Read,
    net::{Ipv4Addr, TcpListener},
    process::Command,
};

use actix_web::{
    App, HttpResponse, HttpServer,
    http::header::ContentType,
    web::{self, Bytes},
};
use moka::sync::Cache;

use crate::{
    process::{LISTENING, Server},
    stage,
};

/// The command that runs this server.
pub(crate) const COMMAND: &str = "bare-server";

/// Starts the server in its own process. It answers requests for these streamers' screens with `body`.
///
/// # Errors
/// If it does not start.
pub(crate) fn start(screens: &[u32], body: &[u8]) -> anyhow::Result<Server> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(COMMAND).args(screens.iter().map(ToString::to_string));
    Server::start(command, body)
}

/// Runs the server until the process is killed.
///
/// # Errors
/// If it cannot listen.
#[allow(clippy::print_stderr, reason = "how it says where it listens")]
pub(crate) fn serve(screens: &[u32]) -> anyhow::Result<()> {
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body)?;
    let body = Bytes::from(body);
    let screens_by_token: Cache<String, Bytes> = Cache::new(1_000_000);
    for streamer in screens {
        screens_by_token.insert(stage::overlay_token(*streamer).expose().to_owned(), body.clone());
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    eprintln!("{LISTENING}{}", listener.local_addr()?);
    let screens = web::Data::new(screens_by_token);
    let app = move || {
        App::new().app_data(screens.clone()).route("/api/v1/overlay/{token}/data", web::get().to(data))
    };
    actix_web::rt::System::new().block_on(HttpServer::new(app).listen(listener)?.run())?;
    Ok(())
}

async fn data(screens: web::Data<Cache<String, Bytes>>, token: web::Path<String>) -> HttpResponse {
    match screens.get(token.as_str()) {
        Some(body) => HttpResponse::Ok().content_type(ContentType::json()).body(body),
        None => HttpResponse::NotFound().finish(),
    }
}
