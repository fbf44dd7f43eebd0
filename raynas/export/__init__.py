"""The winner in hand: weights, architecture, code without raynas, ONNX and torch.export."""

from raynas.export.code import standalone_code
from raynas.export.write import ExportFiles, write_export

__all__ = ["ExportFiles", "standalone_code", "write_export"]
