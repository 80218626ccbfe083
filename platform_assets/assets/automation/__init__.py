"""What happens by itself: arrivals are received, what reads them is made, reports follow late rows, and nothing grows old unseen."""
