//! Files to begin with.

use std::io;

use ecp_core::ProjectId;
use ecp_methods::DynMethod;
use ecp_methods::mass_file::{self, RowKind};

/// Writes an example file in the platform's layout (sources: mass file), with a row for a payout
/// and a row for a refund, as far as the payment method has these operations. The values are
/// examples. Returns the number of rows; 0 means that the method has neither operation.
pub fn write_template(
    method: &dyn DynMethod,
    project: ProjectId,
    output: impl io::Write,
) -> io::Result<usize> {
    let flows = [RowKind::Payout, RowKind::Refund];
    let records = mass_file::template(project, flows.map(|flow| (method.spec(), flow)));
    let mut writer = csv::WriterBuilder::new().delimiter(mass_file::DELIMITER).from_writer(output);
    for record in &records {
        writer.write_record(record)?;
    }
    writer.flush()?;
    Ok(records.len() - 1)
}
