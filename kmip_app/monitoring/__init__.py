"""What operators and their tools see of a running server.

`observation` counts requests as they are answered, `clients` remembers who connected, `loop_lag` measures the event
loop; `health` judges whether the server can work; `sources` joins them, `exposition` writes all of it in OpenMetrics;
`admin` is the HTTP listener that gives it out, `probe` the client of that listener behind `kmipd health` and
`kmipd status`.
"""
