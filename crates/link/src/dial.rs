//! The dialling side: from an address and a certificate to a channel.
//!
//! Dialling has succeeded when the hub has shown that it takes the certificate, not before: in
//! TLS 1.3 the client's handshake ends before the hub has looked at it, so the hub's first byte is
//! waited for. Hence every reason for a refusal comes out of the call that dials.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use replica::{Clock, ReplicaId};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use crate::address::HubAddress;
use crate::conn::BoxIo;
use crate::fault::DialError;
use crate::identity::{CertificateFacts, facts_of};
use crate::limits::{
    CONNECTION_WINDOW_BYTES, DIAL_MAX, FRAME_BYTES_MAX, HEADER_BYTES_MAX, KEEPALIVE,
    LOCAL_RESETS_MAX, STREAM_WINDOW_BYTES,
};
use crate::tls::{HubVerifier, MaterialError, NodeMaterial, Trust, enrol_client, sync_client};
use crate::token::AuthorityPrint;

type Connecting = Pin<Box<dyn Future<Output = io::Result<BoxIo>> + Send>>;

/// Dials hubs. Cheap to clone.
#[derive(Clone)]
pub struct Dialer {
    clock: Arc<dyn Clock>,
    connect: Arc<dyn Fn(HubAddress) -> Connecting + Send + Sync>,
}

/// A channel to the enrol side of a hub that has proved itself by the token's fingerprint.
#[derive(Clone, Debug)]
pub struct EnrolChannel {
    /// The channel.
    pub channel: Channel,
    /// The authority that fits the fingerprint.
    pub authority: CertificateDer<'static>,
    /// The hub that answers.
    pub hub: ReplicaId,
}

impl Dialer {
    /// Dials over TCP.
    #[must_use]
    pub fn tcp(clock: Arc<dyn Clock>) -> Self {
        Self::over(clock, |address| async move {
            let stream = TcpStream::connect((address.host(), address.port())).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as BoxIo)
        })
    }

    /// Dials over connections made by `connect`, such as those of a simulated network.
    pub fn over<F, C>(clock: Arc<dyn Clock>, connect: F) -> Self
    where
        F: Fn(HubAddress) -> C + Send + Sync + 'static,
        C: Future<Output = io::Result<BoxIo>> + Send + 'static,
    {
        Self {
            clock,
            connect: Arc::new(move |address| Box::pin(connect(address))),
        }
    }

    /// The clock that certificates are judged by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Dials the sync side of the hub that the node enrolled with.
    ///
    /// # Errors
    /// With the reason, when the hub is not reached, not the right one, or does not take the node.
    pub async fn dial(
        &self,
        address: &HubAddress,
        material: &NodeMaterial,
    ) -> Result<Channel, DialError> {
        let verifier = HubVerifier::new(Trust::Enrolled {
            authorities: material.authorities.clone(),
            hub: material.hub,
        });
        let own = facts_of(&material.certificate)
            .map_err(|error| MaterialError::from(rustls::Error::General(error.to_string())))?;
        let config = sync_client(material, verifier, &self.clock)?;
        self.channel(address, config, Some(own)).await
    }

    /// Dials the enrol side of the hub whose authority has the token's fingerprint.
    ///
    /// # Errors
    /// As [`Dialer::dial`].
    pub async fn dial_enrol(
        &self,
        address: &HubAddress,
        print: AuthorityPrint,
    ) -> Result<EnrolChannel, DialError> {
        let found = Arc::new(OnceLock::new());
        let verifier = HubVerifier::new(Trust::Token {
            print,
            found: Arc::clone(&found),
        });
        let config = enrol_client(verifier, &self.clock)?;
        let channel = self.channel(address, config, None).await?;
        let (authority, hub) = found.get().cloned().ok_or(DialError::UnknownAuthority)?;
        Ok(EnrolChannel {
            channel,
            authority,
            hub,
        })
    }

    async fn channel(
        &self,
        address: &HubAddress,
        config: ClientConfig,
        own: Option<CertificateFacts>,
    ) -> Result<Channel, DialError> {
        let route = Arc::new(Route {
            dialer: self.clone(),
            address: address.clone(),
            tls: TlsConnector::from(Arc::new(config)),
            own,
        });
        let connector = tower::service_fn(move |_: http::Uri| {
            let route = Arc::clone(&route);
            async move { route.connect().await.map(TokioIo::new) }
        });
        endpoint(address)
            .map_err(|error| DialError::of(&error))?
            .connect_with_connector(connector)
            .await
            .map_err(|error| DialError::of(&error))
    }
}

fn endpoint(address: &HubAddress) -> Result<Endpoint, tonic::transport::Error> {
    Ok(Endpoint::from_shared(address.to_string())?
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_max_local_error_reset_streams(LOCAL_RESETS_MAX))
}

/// What a channel needs to connect, and to connect again.
struct Route {
    dialer: Dialer,
    address: HubAddress,
    tls: TlsConnector,
    own: Option<CertificateFacts>,
}

impl Route {
    async fn connect(&self) -> Result<Primed, DialError> {
        let connecting = async {
            let io = (self.dialer.connect)(self.address.clone()).await?;
            // The name goes nowhere: it is neither sent nor verified.
            let name = ServerName::try_from("hub").map_err(io::Error::other)?;
            let mut stream = self.tls.connect(name, io).await?;
            let mut first = [0; 1];
            if stream.read(&mut first).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Primed {
                first: Some(first),
                io: Box::new(stream),
            })
        };
        match tokio::time::timeout(DIAL_MAX, connecting).await {
            Ok(connected) => connected.map_err(|error| {
                DialError::of_io(error, self.own.as_ref(), self.dialer.clock.wall_ms())
            }),
            Err(_elapsed) => Err(DialError::Network(Arc::new(io::ErrorKind::TimedOut.into()))),
        }
    }
}

/// A connection of which the first byte has been read already.
struct Primed {
    first: Option<[u8; 1]>,
    io: BoxIo,
}

impl AsyncRead for Primed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() > 0
            && let Some(first) = self.first.take()
        {
            buf.put_slice(&first);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Primed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
