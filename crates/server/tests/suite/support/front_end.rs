//! The front end of the previous system, as browser sources saw it: a proxy that forwards four paths of a screen.

use std::net::SocketAddr;

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::StatusCode,
    web::{self, Bytes, Data},
};
use reqwest::{Client, Method};

/// A running proxy.
///
/// The proxy forwards bodies, but neither queries nor headers. It answers 200 for every successful answer, and knows no other
/// path.
pub(crate) struct FrontEnd {
    address: SocketAddr,
    handle: ServerHandle,
}

struct Backend {
    url: String,
    client: Client,
}

impl FrontEnd {
    /// Starts a proxy in front of the server at this address, which begins with `http://`.
    pub(crate) fn start(backend: String) -> Self {
        // No connection is reused, because the page may wait between two requests until the server closes an idle connection.
        let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let backend = Data::new(Backend { url: backend, client });
        let app = move || {
            App::new()
                .app_data(backend.clone())
                .route("/api/overlay/{token}", web::get().to(page))
                .route("/api/overlay/{token}/data", web::get().to(data))
                .route("/api/overlay/{token}/ping", web::post().to(ping))
                .route("/api/overlay/{token}/click", web::post().to(click))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, handle }
    }

    /// The address of a path, which begins with `/`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for FrontEnd {
    fn drop(&mut self) {
        // The proxy is told to stop. Nobody waits until it has stopped.
        drop(self.handle.stop(false));
    }
}

async fn page(backend: Data<Backend>, token: web::Path<String>) -> HttpResponse {
    forward(&backend, Method::GET, &token, "", Bytes::new()).await
}

async fn data(backend: Data<Backend>, token: web::Path<String>) -> HttpResponse {
    forward(&backend, Method::GET, &token, "/data", Bytes::new()).await
}

async fn ping(backend: Data<Backend>, token: web::Path<String>, body: Bytes) -> HttpResponse {
    forward(&backend, Method::POST, &token, "/ping", body).await
}

async fn click(backend: Data<Backend>, token: web::Path<String>, body: Bytes) -> HttpResponse {
    forward(&backend, Method::POST, &token, "/click", body).await
}

async fn forward(backend: &Backend, method: Method, token: &str, rest: &str, body: Bytes) -> HttpResponse {
    let url = format!("{}/api/v1/overlay/{token}{rest}", backend.url);
    let Ok(answer) = backend.client.request(method, url).body(body).send().await else {
        return HttpResponse::BadGateway().finish();
    };
    let status = if answer.status().is_success() { 200 } else { answer.status().as_u16() };
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    if let Some(kind) = kind {
        response.content_type(kind);
    }
    response.body(answer.bytes().await.unwrap_or_default())
}
