use ecp_methods::EcoVoucher;
use ecp_methods::request::PayoutRequest;
use ecp_transport::Gate;

fn pay(gate: &Gate, request: PayoutRequest) {
    drop(gate.payout(&EcoVoucher, &request));
}

fn main() {}
