"""How the API describes itself: OpenAPI 3.1, every answer and every problem."""
