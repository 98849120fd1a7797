//! `/metrics`, `/healthz` and `/readyz` over HTTP.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::{Observed, metrics};

/// How long a client may take for its head.
const HEAD: Duration = Duration::from_secs(5);

/// The longest head, which is the least that hyper takes.
const MAX_HEAD: usize = 8192;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Answers one client, one request.
pub(super) async fn serve(stream: TcpStream, observed: Arc<Observed>) -> hyper::Result<()> {
    let service = service_fn(move |request| {
        let response = answer(&request, &observed);
        async move { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MAX_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn answer(request: &Request<Incoming>, observed: &Arc<Observed>) -> Response<Full<Bytes>> {
    if request.method() != Method::GET {
        return response(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET\n".into());
    }
    match request.uri().path() {
        "/metrics" => response(StatusCode::OK, OPENMETRICS, metrics::exposition(observed)),
        // Whoever answers lives.
        "/healthz" => response(StatusCode::OK, PLAIN, "ok\n".into()),
        "/readyz" => match observed.unready() {
            None => response(StatusCode::OK, PLAIN, "ready\n".into()),
            Some(why) => response(StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("{why}\n")),
        },
        _ => response(StatusCode::NOT_FOUND, PLAIN, "/metrics, /healthz, /readyz\n".into()),
    }
}

fn response(status: StatusCode, content: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content));
    response
}
