"""The Streamlit app: reads the published file and shows it. It computes nothing that a mart does not hold."""
