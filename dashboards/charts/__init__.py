"""Charts: pure functions from rows and colours to the options of ECharts. They know neither Streamlit nor tables."""
