use async_trait::async_trait;
use ecp_core::model::DepositCheck;
use ecp_notify::{Confirmations, Decision, DepositHandler, Receiver, Verified, Verifier};

struct UpTo(i64);

#[async_trait]
impl DepositHandler for UpTo {
    async fn confirm(
        &self,
        check: &Verified<DepositCheck>,
    ) -> Result<Decision, Box<dyn std::error::Error + Send + Sync>> {
        // Look the order up by `check.payment_id`, and remember what you agreed to.
        let amount = check.money()?;
        let welcome = (1..=self.0).contains(&amount.minor());
        println!("{amount} for {}? {}", check.payment_id, if welcome { "yes" } else { "no" });
        Ok(if welcome { Decision::Accept } else { Decision::REFUSE })
    }
}

pub(crate) fn with_answers(receiver: Receiver, verifier: Verifier) -> Receiver {
    receiver.confirmations(Confirmations::new(verifier, UpTo(50_000)))
}
