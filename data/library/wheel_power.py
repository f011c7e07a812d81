"""How much the wheel gives, and whether the stones are safe. For the hatch wall: print and pin up.

Usage: python wheel_power.py FLOW [WHEEL_RPM]      (flow in cubic metres a second)
"""

import sys

HEAD_M = 1.62  # from the lip of the hatch to the tail water, measured with Rupert on 6 April 2024
EFFICIENCY = 0.58  # from the brake test with the rope and the spring balance
GEAR_RATIO = 16.8  # turns of the runner stone for one turn of the wheel
MAX_STONE_RPM = 118  # faster than this the meal comes out warm and the bread tastes flat
STONES_NEED_KW = 4.5  # one pair of stones under load; the sack hoist takes 0.7 kW more


def power_kw(flow_m3s: float) -> float:
    """Power at the pit wheel, in kilowatts, for a flow in cubic metres a second."""
    return 9.81 * flow_m3s * HEAD_M * EFFICIENCY


def stone_rpm(wheel_rpm: float) -> float:
    """Turns a minute of the runner stone."""
    return wheel_rpm * GEAR_RATIO


def advice(flow_m3s: float, wheel_rpm: float) -> str:
    """What to do at the hatch, in one line."""
    if stone_rpm(wheel_rpm) > MAX_STONE_RPM:
        return "Too fast: lower the hatch by one click."
    if power_kw(flow_m3s) < STONES_NEED_KW:
        return "Too little water: lift the stones and only run the hoist."
    return "Good: grind."


if __name__ == "__main__":
    flow = float(sys.argv[1])
    rpm = float(sys.argv[2]) if len(sys.argv) > 2 else 6.5
    sys.stdout.write(f"{power_kw(flow):.1f} kW, stones at {stone_rpm(rpm):.0f} rpm. {advice(flow, rpm)}\n")
