//! Figures for monitoring, in the text format of Prometheus, on loopback only.

use std::{net::SocketAddr, time::Duration};

use link::Stop;
use prometheus_client::{
    encoding::text::encode,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    app::{App, Live},
    doctor, refusals,
};

/// Bytes of a request that are read.
const REQUEST_BYTES_MAX: usize = 8_192;
/// What one scrape may take.
const SCRAPE_MAX: Duration = Duration::from_secs(5);

/// Serves `GET /metrics` until the stop signal. Returns where.
///
/// # Errors
/// The port is taken.
pub async fn start<L: Live + 'static>(
    app: App,
    live: std::sync::Arc<L>,
    port: u16,
    mut stop: Stop,
) -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stop.wait() => break,
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    let (app, live) = (app.clone(), std::sync::Arc::clone(&live));
                    let answer = async move {
                        let shown = tokio::task::spawn_blocking(move || figures(&app, &*live));
                        answer(stream, shown.await.unwrap_or_default()).await
                    };
                    // One scrape at a time: a monitor that hangs delays only the next.
                    match tokio::time::timeout(SCRAPE_MAX, answer).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => tracing::debug!(%error, "scrape failed"),
                        Err(_elapsed) => tracing::debug!("scrape timed out"),
                    }
                }
            }
        }
    });
    Ok((address, task))
}

async fn answer(mut stream: TcpStream, figures: String) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REQUEST_BYTES_MAX {
        if stream.read_buf(&mut request).await? == 0 {
            break;
        }
    }
    let (line, kind, body) = if request.starts_with(b"GET /metrics ") {
        (
            "200 OK",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            figures,
        )
    } else {
        (
            "404 Not Found",
            "text/plain",
            "only GET /metrics is served here\n".to_owned(),
        )
    };
    let head = format!(
        "HTTP/1.1 {line}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

type Labels = Vec<(String, String)>;

/// The figures as they stand.
fn figures<L: Live>(app: &App, live: &L) -> String {
    let mut registry = Registry::with_prefix("liangxin");
    let mut set = |name: &str, help: &str, value: i64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    };
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    set(
        "records",
        "Records of all kinds",
        count(app.reader().count()),
    );
    let size = i64::try_from(app.reader().size_bytes()).unwrap_or(i64::MAX);
    set("store_bytes", "Bytes of the store on disk", size);
    if let Some(days) = live.certificate_days(app) {
        set(
            "certificate_days",
            "Days until the own certificate ends",
            days,
        );
    }
    if let Ok(status) = app.writer.status() {
        set(
            "refused",
            "Writes refused or taken back",
            count(refusals::count_open(app, &status).unwrap_or_default()),
        );
        set(
            "quarantined",
            "Records held back",
            count(status.quarantined.len()),
        );
        let pending = Family::<Labels, Gauge>::default();
        let connected = Family::<Labels, Gauge>::default();
        for peer in live.peers(app, &status) {
            let labels = vec![("peer".to_owned(), peer.name.clone())];
            pending
                .get_or_create(&labels)
                .set(i64::try_from(peer.pending).unwrap_or(i64::MAX));
            connected
                .get_or_create(&labels)
                .set(i64::from(peer.state == "connected"));
        }
        registry.register("pending", "Changes that a peer has not acked", pending);
        registry.register(
            "connected",
            "Whether a session with a peer is open",
            connected,
        );
    }
    let attention = Family::<Labels, Gauge>::default();
    let facts = doctor::Facts::gather(app, live);
    for check in facts
        .map(|facts| doctor::unwell(app, &facts))
        .unwrap_or_default()
    {
        let labels = [("code", check.code), ("check", check.name)];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        attention.get_or_create(&labels.to_vec()).inc();
    }
    registry.register("attention", "Checks that are not well, by code", attention);
    let mut text = String::new();
    // Writing into a string does not fail.
    encode(&mut text, &registry).unwrap_or_default();
    text
}
