//! One signal by which everything of a program ends in order.

use tokio::sync::watch;

/// The end that stops. Dropping it stops too.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// The end that is told. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Returns the two ends of a stop signal.
#[must_use]
pub fn stop_signal() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Tells everyone to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits until it is time to stop. Safe to drop and call again.
    pub async fn wait(&mut self) {
        // An error means that the stopper is gone, which is a stop as well.
        drop(self.0.wait_for(|stopped| *stopped).await);
    }

    /// Whether it is time to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}
