use ecp_methods::Jeton;
use ecp_methods::request::RefundRequest;
use ecp_transport::Gate;

fn give_back(gate: &Gate, request: RefundRequest) {
    drop(gate.refund(&Jeton, &request));
}

fn main() {}
