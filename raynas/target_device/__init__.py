"""Networks measured on the device that they are for, by a command of the user's."""

from raynas.target_device.command_meter import CommandMeter

__all__ = ["CommandMeter"]
