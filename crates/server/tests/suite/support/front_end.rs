//! The front end of the previous system, as far as browser sources saw it: a proxy that forwards four paths of a screen.

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
/// It passes bodies on, but neither queries nor headers, turns every good answer into 200, and knows no other path.
pub(crate) struct FrontEnd {
    address: SocketAddr,
    handle: ServerHandle,
}

struct Backend {
    url: String,
    client: Client,
}

impl FrontEnd {
    /// A proxy in front of the server at this address, which begins with `http://`.
    pub(crate) fn start(backend: String) -> Self {
        // Between two requests the page may wait for as long as the server keeps a connection open.
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
        // Told to stop, and not waited for.
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
